import { element, type XmlElement } from '../xml/element.js';
import { interfaceElement, pciAddressElement } from './interfaces.js';
import type { DomainSpec } from './spec.js';
import type { DiskSpec, IommuSpec } from './spec-devices.js';

type Bus = NonNullable<DiskSpec['bus']>;
const prefixes: Readonly<Record<Bus, string>> = { virtio: 'vd', sata: 'sd', scsi: 'sd' };
const busOf = ({ bus, device }: DiskSpec): Bus => bus ?? (device === 'cdrom' ? 'sata' : 'virtio');

/** a to z, then aa: as Linux names disks. */
const letters = (index: number): string =>
  (index >= 26 ? letters(Math.floor(index / 26) - 1) : '') + String.fromCharCode(97 + (index % 26));

/**
 * Slots of the root bus of q35 for our own virtio devices. Left to itself libvirt gives each a PCI Express root port of its own,
 * which a guest without hotplug does not need: it enumerates them all and has three interrupt handlers for each.
 */
const slots = { disks: { first: 0x10, count: 12 }, rng: 0x1c, serial: 0x1d } as const;

const rootAddress = (slot: number, { machine }: Pick<DomainSpec, 'machine'>): XmlElement | undefined =>
  machine.includes('q35') ? pciAddressElement(`0000:00:${slot.toString(16)}.0`, { type: 'pci' }) : undefined;

const diskAddress = (disk: DiskSpec, index: number, spec: DomainSpec): XmlElement | undefined =>
  busOf(disk) === 'virtio' && index < slots.disks.count ? rootAddress(slots.disks.first + index, spec) : undefined;

/** An empty one ends the chain: neither libvirt nor QEMU looks into the header then. */
const backingElement = ({ backing }: DiskSpec): XmlElement | undefined => {
  if (backing === undefined || backing === 'none') return backing && element('backingStore');
  const { path, format } = backing;
  const parts = [element('format', { type: format }), element('source', { file: path }), element('backingStore')];
  return element('backingStore', { type: 'file' }, parts);
};

const diskElement = (disk: DiskSpec, target: string, address: XmlElement | undefined): XmlElement =>
  element(
    'disk',
    { type: 'file', device: disk.device },
    element('driver', {
      name: 'qemu',
      type: disk.format,
      cache: disk.cache,
      io: disk.io,
      discard: disk.discard,
      queues: disk.queues,
      iothread: disk.iothread,
      iommu: disk.iommu ? 'on' : undefined,
    }),
    element('source', { file: disk.path }),
    backingElement(disk),
    element('target', { dev: target, bus: busOf(disk) }),
    (disk.readOnly || disk.device === 'cdrom') && element('readonly'),
    disk.serial !== undefined && element('serial', {}, disk.serial),
    disk.bootOrder !== undefined && element('boot', { order: disk.bootOrder }),
    address,
  );

const diskElements = (spec: DomainSpec): readonly XmlElement[] => {
  const next = new Map<string, number>();
  return spec.disks.map((disk) => {
    const prefix = prefixes[busOf(disk)];
    const index = next.get(prefix) ?? 0;
    next.set(prefix, index + 1);
    return diskElement(disk, prefix + letters(index), diskAddress(disk, index, spec));
  });
};

const iommuElement = ({ model, interruptRemapping, cachingMode, iotlb, addressWidth }: IommuSpec): XmlElement =>
  element(
    'iommu',
    { model },
    element('driver', {
      intremap: interruptRemapping ? 'on' : 'off',
      caching_mode: cachingMode ? 'on' : undefined,
      iotlb: iotlb ? 'on' : undefined,
      aw_bits: addressWidth,
    }),
  );

const consoleElements = (path: string): readonly XmlElement[] => [
  element('serial', { type: 'file' }, element('source', { path }), element('target', { port: 0 })),
  element('console', { type: 'file' }, element('source', { path }), element('target', { type: 'serial', port: 0 })),
];

/** Its own, or those of a fragment: libvirt would give them a controller by itself. */
const hasChannels = ({ agent, fragments }: DomainSpec): boolean =>
  agent || fragments.some(({ xml }) => xml.includes('<channel'));

export const devicesElement = (spec: DomainSpec): XmlElement =>
  element(
    'devices',
    {},
    spec.emulator !== undefined && element('emulator', {}, spec.emulator),
    diskElements(spec),
    element('controller', { type: 'usb', model: 'none' }),
    hasChannels(spec) && element('controller', { type: 'virtio-serial', index: 0 }, rootAddress(slots.serial, spec)),
    spec.interfaces.map(interfaceElement),
    spec.hostdevs.map(({ address, managed }) =>
      element(
        'hostdev',
        { mode: 'subsystem', type: 'pci', managed },
        element('driver', { name: 'vfio' }),
        element('source', {}, pciAddressElement(address)),
      ),
    ),
    spec.console !== undefined && consoleElements(spec.console),
    spec.agent &&
      element('channel', { type: 'unix' }, element('target', { type: 'virtio', name: 'org.qemu.guest_agent.0' })),
    spec.rng &&
      element(
        'rng',
        { model: 'virtio' },
        element('backend', { model: 'random' }, '/dev/urandom'),
        rootAddress(slots.rng, spec),
      ),
    spec.panic && element('panic', { model: 'isa' }),
    spec.iommu !== undefined && iommuElement(spec.iommu),
    element('memballoon', { model: 'none' }),
  );
