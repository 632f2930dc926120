import { parseCpuList } from '../../host/cpu-list.js';
import { optional } from '../optional.js';
import { ownershipOf, type Ownership } from '../ownership.js';
import { parseXml } from '../xml/document.js';
import { attribute, find, findAll, textOf, type XmlElement } from '../xml/element.js';

export interface DomainDisk {
  readonly device: string;
  readonly target: string;
  readonly file?: string;
  readonly format?: string;
  readonly serial?: string;
  /** Files that an overlay stands on, nearest first. */
  readonly backing: readonly string[];
}

export interface DomainInterface {
  readonly type: string;
  readonly mac?: string;
  /** Network, bridge, socket or PCI address, after the type. */
  readonly source?: string;
  /** Device on the host, such as `vnet0`; a running domain has it. */
  readonly target?: string;
  readonly model?: string;
}

/** What we read of a domain's document. */
export interface DomainDescription {
  readonly name: string;
  readonly uuid: string;
  /** `kvm`, or `qemu` for TCG. */
  readonly type: string;
  readonly machine?: string;
  readonly owner?: Ownership;
  readonly vcpus: number;
  readonly pins: ReadonlyMap<number, readonly number[]>;
  readonly emulatorPin?: readonly number[];
  readonly disks: readonly DomainDisk[];
  readonly interfaces: readonly DomainInterface[];
  /** PCI addresses of the host's devices that it has, as `0000:3b:10.2`. */
  readonly hostdevs: readonly string[];
  /** File of the first serial port. */
  readonly console?: string;
  /** Socket of the guest agent's channel; a running domain has it. */
  readonly agentSocket?: string;
}

const pciOf = (address: XmlElement | undefined): string | undefined => {
  const part = (name: string, length: number): string =>
    (attribute(address, name) ?? '').replace(/^0x/, '').padStart(length, '0');
  return address === undefined
    ? undefined
    : `${part('domain', 4)}:${part('bus', 2)}:${part('slot', 2)}.${part('function', 1)}`;
};

const backingOf = (at: XmlElement): readonly string[] => {
  const store = find(at, 'backingStore');
  const file = attribute(find(store, 'source'), 'file');
  return store === undefined || file === undefined ? [] : [file, ...backingOf(store)];
};

const diskOf = (disk: XmlElement): DomainDisk => ({
  device: attribute(disk, 'device') ?? 'disk',
  target: attribute(find(disk, 'target'), 'dev') ?? '',
  ...optional('file', attribute(find(disk, 'source'), 'file')),
  ...optional('format', attribute(find(disk, 'driver'), 'type')),
  ...optional('serial', textOf(disk, 'serial')),
  backing: backingOf(disk),
});

const interfaceOf = (nic: XmlElement): DomainInterface => {
  const source = find(nic, 'source');
  const named = ['network', 'bridge', 'path', 'dev']
    .map((name) => attribute(source, name))
    .find((value) => value !== undefined);
  return {
    type: attribute(nic, 'type') ?? '',
    ...optional('mac', attribute(find(nic, 'mac'), 'address')),
    ...optional('source', named ?? pciOf(find(source, 'address'))),
    ...optional('target', attribute(find(nic, 'target'), 'dev')),
    ...optional('model', attribute(find(nic, 'model'), 'type')),
  };
};

const agentOf = (devices: XmlElement | undefined): string | undefined => {
  const channel = findAll(devices, 'channel').find(
    (one) => attribute(find(one, 'target'), 'name') === 'org.qemu.guest_agent.0',
  );
  return attribute(find(channel, 'source'), 'path');
};

/** Reads a domain's document as libvirt gives it. */
export const parseDomain = (xml: string): DomainDescription => {
  const root = parseXml(xml, 'domain XML');
  const devices = find(root, 'devices');
  const emulator = attribute(find(root, 'cputune', 'emulatorpin'), 'cpuset');
  const hostdevs = [
    ...findAll(devices, 'hostdev'),
    ...findAll(devices, 'interface').filter((nic) => attribute(nic, 'type') === 'hostdev'),
  ];
  return {
    name: textOf(root, 'name') ?? '',
    uuid: textOf(root, 'uuid') ?? '',
    type: attribute(root, 'type') ?? '',
    ...optional('machine', attribute(find(root, 'os', 'type'), 'machine')),
    ...optional('owner', ownershipOf(root)),
    vcpus: Number(textOf(root, 'vcpu') ?? 0),
    pins: new Map(
      findAll(root, 'cputune', 'vcpupin').map((pin) => [
        Number(attribute(pin, 'vcpu')),
        parseCpuList(attribute(pin, 'cpuset') ?? ''),
      ]),
    ),
    ...optional('emulatorPin', emulator === undefined ? undefined : parseCpuList(emulator)),
    disks: findAll(devices, 'disk').map(diskOf),
    interfaces: findAll(devices, 'interface').map(interfaceOf),
    hostdevs: hostdevs.flatMap((device) => pciOf(find(device, 'source', 'address')) ?? []),
    ...optional('console', attribute(findAll(devices, 'serial', 'source')[0], 'path')),
    ...optional('agentSocket', agentOf(devices)),
  };
};
