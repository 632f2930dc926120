import type { DomainOptions } from '../libvirt/domain/spec.js';
import { cpuShape, distance } from './cpus.js';
import { firmwareArguments } from './machine.js';
import type { VirtualHostOptions } from './options.js';
import { portArguments, type WireEnds } from './ports.js';

/** What a virtual host needs of a libvirt domain on top of a guest with its image, disks and management NIC. */
export type VirtualHostDomain = Required<Pick<DomainOptions, 'accelerator' | 'machine' | 'emulator' | 'cpu' | 'memory' | 'clock'>> &
  Pick<DomainOptions, 'iommu' | 'ioapic' | 'qemuArguments' | 'fragments'>;

export interface DomainParts {
  /** {@link QemuTree.emulator}. */
  readonly emulator: string;
  readonly wire: WireEnds;
  /** What the MACs of its ports are made from. */
  readonly macs: string;
  /** File with the table of P-states; needed with `pstates`. */
  readonly acpiTable?: string;
  /** The host's image cache, to be seen read-only inside. */
  readonly images?: string;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll("'", '&apos;').replaceAll('<', '&lt;');

/**
 * The domain options of a virtual host. What libvirt 9.0 does not know goes to QEMU's command line: igb and the buses
 * before it, the wire, the DMI strings of two tables, AMD-Vi. The guest's disk should have `iommu: true`, and its kernel
 * parameters those of `kernelParameters`.
 */
export const virtualHostDomain = (options: VirtualHostOptions, parts: DomainParts): VirtualHostDomain => {
  const { sockets, cores, threads, nodes } = cpuShape(options);
  const cells = nodes.map(({ id, cpus, memory }) => ({
    cpus: Array.from({ length: cpus.last - cpus.first + 1 }, (_, index) => cpus.first + index),
    memory,
    distances: Object.fromEntries(nodes.map((other) => [String(other.id), distance(id, other.id)])),
  }));
  const { iommu, kvm, vcpus, memory } = options;
  const shared =
    parts.images === undefined
      ? []
      : [
          `<filesystem type='mount' accessmode='passthrough'><source dir='${escaped(parts.images)}'/>` +
            `<target dir='kvm4nfv-images'/><readonly/></filesystem>`,
        ];
  return {
    accelerator: 'tcg',
    machine: 'q35',
    emulator: parts.emulator,
    cpu: {
      vcpus,
      topology: { sockets, cores, threads },
      mode: 'custom',
      model: 'EPYC-Milan',
      features: kvm ? { svm: 'require', npt: 'require' } : { svm: 'disable' },
      cells,
    },
    memory: { size: memory },
    // The CPUs' TSCs are not in step under TCG, so the clock is the HPET. Nothing is said of it: QEMU has one unless told
    // otherwise, and libvirt 9.0 takes QEMU 10 for one that has none.
    clock: { timers: [] },
    ...(iommu === 'intel' ? { iommu: { model: 'intel', iotlb: true }, ioapic: 'qemu' } : {}),
    qemuArguments: [
      ...(iommu === 'amd' ? ['-device', 'amd-iommu,intremap=on,device-iotlb=on'] : []),
      ...firmwareArguments(options, parts.acpiTable),
      ...portArguments(options, parts.wire, parts.macs),
    ],
    fragments: shared.map((xml) => ({ at: 'devices', xml })),
  };
};
