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

const diskElement = (disk: DiskSpec, target: string): XmlElement =>
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
    disk.backing !== undefined &&
      element(
        'backingStore',
        { type: 'file' },
        element('format', { type: disk.backing.format }),
        element('source', { file: disk.backing.path }),
        element('backingStore'),
      ),
    element('target', { dev: target, bus: busOf(disk) }),
    (disk.readOnly || disk.device === 'cdrom') && element('readonly'),
    disk.serial !== undefined && element('serial', {}, disk.serial),
    disk.bootOrder !== undefined && element('boot', { order: disk.bootOrder }),
  );

const diskElements = (disks: readonly DiskSpec[]): readonly XmlElement[] => {
  const next = new Map<string, number>();
  return disks.map((disk) => {
    const prefix = prefixes[busOf(disk)];
    const index = next.get(prefix) ?? 0;
    next.set(prefix, index + 1);
    return diskElement(disk, prefix + letters(index));
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

export const devicesElement = (spec: DomainSpec): XmlElement =>
  element(
    'devices',
    {},
    spec.emulator !== undefined && element('emulator', {}, spec.emulator),
    diskElements(spec.disks),
    element('controller', { type: 'usb', model: 'none' }),
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
    spec.rng && element('rng', { model: 'virtio' }, element('backend', { model: 'random' }, '/dev/urandom')),
    spec.panic && element('panic', { model: 'isa' }),
    spec.iommu !== undefined && iommuElement(spec.iommu),
    element('memballoon', { model: 'none' }),
  );
