import type { Machine } from '../tuning/machine.js';
import { files, line, matching, names, type Request, type Snapshot } from '../tuning/reading.js';

/** A device with SR-IOV. */
export interface SriovDevice {
  /** PCI address. */
  readonly device: string;
  /** Absent where its driver shows no interface here. */
  readonly interface?: string;
  /** VFs that it can have. */
  readonly totalVfs: number;
  /** VFs that it has. */
  readonly vfs: number;
}

/** What a machine offers to guests, good or bad. */
export interface Capabilities {
  /** /dev/kvm is there, and nobody has tried it in vain. */
  readonly kvm: boolean;
  readonly iommuGroups: number;
  /** Those with CPUs. */
  readonly numaNodes: number;
  /** Threads of one core are online together. */
  readonly smt: boolean;
  readonly sriov: readonly SriovDevice[];
}

export const capabilityRequests: readonly Request[] = [
  names('/dev/kvm'),
  names('/sys/kernel/iommu_groups/[0-9]*'),
  names('/sys/bus/pci/devices/*/net/*'),
  ...files(
    '/sys/devices/system/cpu/smt/active',
    '/sys/bus/pci/devices/*/sriov_totalvfs',
    '/sys/bus/pci/devices/*/sriov_numvfs',
  ),
];

const pciDevices = '/sys/bus/pci/devices/';

const interfaceOf = (now: Snapshot, device: string): string | undefined => {
  const parent = `${pciDevices}${device}/net/`;
  return [...now.names].find((name) => name.startsWith(parent))?.slice(parent.length);
};

const sriovOf = (now: Snapshot): SriovDevice[] =>
  matching(now, /^\/sys\/bus\/pci\/devices\/([^/]+)\/sriov_totalvfs$/).map(({ text, groups: [device = ''] }) => {
    const name = interfaceOf(now, device);
    return {
      device,
      ...(name === undefined ? {} : { interface: name }),
      totalVfs: Number(text),
      vfs: Number(line(now, `${pciDevices}${device}/sriov_numvfs`) ?? 0),
    };
  });

/** Reads off a snapshot of {@link capabilityRequests}. */
export const capabilitiesOf = (now: Snapshot, { nodes }: Machine): Capabilities => ({
  kvm: now.names.has('/dev/kvm'),
  iommuGroups: [...now.names].filter((name) => name.startsWith('/sys/kernel/iommu_groups/')).length,
  numaNodes: nodes.filter(({ cpus }) => cpus.length > 0).length,
  smt: line(now, '/sys/devices/system/cpu/smt/active') === '1',
  sriov: sriovOf(now),
});

const described = ({ device: address, interface: name, totalVfs, vfs }: SriovDevice): string =>
  `${name ?? address} ${String(totalVfs)} VFs${vfs === 0 ? '' : ` (${String(vfs)} made)`}`;

/** In one line. */
export const renderCapabilities = ({ kvm, iommuGroups, numaNodes, smt, sriov }: Capabilities): string =>
  [
    `KVM ${kvm ? 'yes' : 'no'}`,
    iommuGroups === 0 ? 'no IOMMU' : `IOMMU ${String(iommuGroups)} groups`,
    `${String(numaNodes)} NUMA ${numaNodes === 1 ? 'node' : 'nodes'}`,
    `SMT ${smt ? 'on' : 'off'}`,
    sriov.length === 0 ? 'no SR-IOV' : `SR-IOV ${sriov.map(described).join(', ')}`,
  ].join(', ');
