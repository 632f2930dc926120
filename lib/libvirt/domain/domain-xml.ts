import { Kvm4nfvError } from '../../error.js';
import { problemsOf } from '../../schema-problems.js';
import { ownershipElement } from '../ownership.js';
import { formatXml } from '../xml/document.js';
import { element, type XmlElement } from '../xml/element.js';
import { clockElement, cpuElement, featuresElement, memoryElements, tuneElements } from './compute.js';
import { devicesElement } from './devices.js';
import { userNetworkArguments } from './interfaces.js';
import { mergeFragment } from './merge.js';
import { domainSpec, type DomainOptions, type DomainSpec } from './spec.js';

/** libvirt's namespace for what goes to QEMU's command line. */
const qemuNamespace = 'http://libvirt.org/schemas/domain/qemu/1.0';

/** Checks a domain's options and fills the defaults in. Fault `usage`, with each wrong option and why. */
export const parseDomainSpec = (options: DomainOptions): DomainSpec => {
  const { success, data, error } = domainSpec.safeParse(options);
  if (success) return data;
  throw new Kvm4nfvError('E_DOMAIN', `domain ${options.name}: ${problemsOf(error)}`, { cause: error });
};

const osElements = ({ arch, machine, boot, firmware, smbiosSerial }: DomainSpec): readonly XmlElement[] => {
  const direct =
    boot === undefined
      ? [element('boot', { dev: 'hd' })]
      : [
          element('kernel', {}, boot.kernel),
          ...(boot.initrd === undefined ? [] : [element('initrd', {}, boot.initrd)]),
          ...(boot.cmdline === '' ? [] : [element('cmdline', {}, boot.cmdline)]),
        ];
  const serial = smbiosSerial === undefined ? [] : [element('smbios', { mode: 'sysinfo' })];
  const system = element('system', {}, element('entry', { name: 'serial' }, smbiosSerial ?? ''));
  return [
    ...(smbiosSerial === undefined ? [] : [element('sysinfo', { type: 'smbios' }, system)]),
    element(
      'os',
      { firmware: firmware === 'efi' ? 'efi' : undefined },
      element('type', { arch, machine }, 'hvm'),
      direct,
      serial,
    ),
  ];
};

/** Disks that say in which order they boot rule out the general order in `<os>`, and libvirt refuses both. */
const withoutBootDevice = (at: XmlElement): XmlElement => ({
  ...at,
  children: at.children.filter((child) => typeof child === 'string' || child.name !== 'boot'),
});

/** The libvirt document of a domain. Pure: the same options give the same text. Fault `usage`. */
export const domainXml = (options: DomainOptions): string => {
  const spec = parseDomainSpec(options);
  const commandline = [...userNetworkArguments(spec.interfaces, spec.machine), ...spec.qemuArguments];
  const ordered = spec.disks.some(({ bootOrder }) => bootOrder !== undefined);
  const domain = element(
    'domain',
    // Declared always: a fragment may use it.
    { type: spec.accelerator === 'kvm' ? 'kvm' : 'qemu', 'xmlns:qemu': qemuNamespace },
    element('name', {}, spec.name),
    spec.uuid !== undefined && element('uuid', {}, spec.uuid),
    spec.description !== undefined && element('description', {}, spec.description),
    element('metadata', {}, ownershipElement(spec.owner)),
    memoryElements(spec),
    tuneElements(spec),
    osElements(spec).map((at) => (at.name === 'os' && ordered ? withoutBootDevice(at) : at)),
    featuresElement(spec),
    cpuElement(spec),
    clockElement(spec),
    element('on_poweroff', {}, 'destroy'),
    element('on_reboot', {}, spec.onReboot),
    element('on_crash', {}, spec.onCrash),
    devicesElement(spec),
    commandline.length > 0 &&
      element(
        'qemu:commandline',
        {},
        commandline.map((value) => element('qemu:arg', { value })),
      ),
  );
  return formatXml(spec.fragments.reduce(mergeFragment, domain));
};
