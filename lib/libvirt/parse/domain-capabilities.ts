import { optional } from '../optional.js';
import { parseXml } from '../xml/document.js';
import { attribute, childrenOf, find, findAll, textOf, type XmlElement } from '../xml/element.js';

export interface DomainCapabilities {
  readonly emulator: string;
  readonly type: string;
  readonly machine: string;
  readonly arch: string;
  readonly maxVcpus: number;
  /** CPU modes that work: `host-passthrough`, `maximum`, `host-model`, `custom`. */
  readonly cpuModes: readonly string[];
  /** Models for mode `custom`, and whether the host can run each. */
  readonly cpuModels: readonly { readonly name: string; readonly usable: boolean }[];
  readonly hostModel?: { readonly name: string; readonly features: Readonly<Record<string, string>> };
  /** Values that a device's property may have, such as `disk.bus` or `video.modelType`. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
  /** Further features and whether each is there: `sev`, `sgx`, `backingStoreInput`, ... */
  readonly features: Readonly<Record<string, boolean>>;
}

const supported = (at: XmlElement): boolean => attribute(at, 'supported') === 'yes';

const enums = (device: XmlElement): readonly (readonly [string, readonly string[]])[] =>
  findAll(device, 'enum').map((one) => [
    `${device.name}.${attribute(one, 'name') ?? ''}`,
    findAll(one, 'value').flatMap((value) => textOf(value) ?? []),
  ]);

const hostModelOf = (mode: XmlElement | undefined): DomainCapabilities['hostModel'] => {
  const name = textOf(mode, 'model');
  if (name === undefined) return undefined;
  const features = findAll(mode, 'feature').map((feature) => [
    attribute(feature, 'name') ?? '',
    attribute(feature, 'policy') ?? 'require',
  ]);
  return { name, features: Object.fromEntries(features) as Record<string, string> };
};

/** Reads what `virsh domcapabilities` prints. */
export const parseDomainCapabilities = (xml: string): DomainCapabilities => {
  const root = parseXml(xml, 'domain capabilities');
  const modes = findAll(root, 'cpu', 'mode').filter(supported);
  const custom = modes.find((mode) => attribute(mode, 'name') === 'custom');
  return {
    emulator: textOf(root, 'path') ?? '',
    type: textOf(root, 'domain') ?? '',
    machine: textOf(root, 'machine') ?? '',
    arch: textOf(root, 'arch') ?? '',
    maxVcpus: Number(attribute(find(root, 'vcpu'), 'max') ?? 0),
    cpuModes: modes.flatMap((mode) => attribute(mode, 'name') ?? []),
    cpuModels: findAll(custom, 'model').map((model) => ({
      name: textOf(model) ?? '',
      usable: attribute(model, 'usable') === 'yes',
    })),
    ...optional('hostModel', hostModelOf(modes.find((mode) => attribute(mode, 'name') === 'host-model'))),
    devices: Object.fromEntries(childrenOf(find(root, 'devices')).filter(supported).flatMap(enums)),
    features: Object.fromEntries(
      childrenOf(find(root, 'features')).map((feature) => [feature.name, supported(feature)]),
    ),
  };
};
