import { formatCpuList, resolveCpus, type CpuTopology } from '../../host/cpu-list.js';
import { refuse, siblingsOf } from '../../libvirt/placement-checks.js';
import type { PlacementHost } from '../../libvirt/placement-host.js';
import type { Placement } from '../../libvirt/placement.js';
import type { KvmGuestOptions } from './fields.js';

/** Where everything of a guest runs. */
export interface GuestPlacement extends Placement {
  /** For each IOThread the CPUs that it may run on. */
  readonly iothreads: readonly (readonly number[])[];
  /** What was chosen and why, a line. */
  readonly explanation?: string;
}

/** A placement with the CPUs of the IOThreads: those asked for, else the emulator's. Fault `environment`. */
export const placeIoThreads = (
  host: PlacementHost,
  topology: CpuTopology,
  { iothreads, profile }: Pick<KvmGuestOptions, 'iothreads' | 'profile'>,
  placement: Placement,
): GuestPlacement => {
  const realtime = profile === 'realtime' ? placement.vcpus.flat().flatMap((cpu) => siblingsOf(host, cpu)) : [];
  return {
    ...placement,
    iothreads: iothreads.map(({ cpus }, index) => {
      if (cpus === undefined) return placement.housekeeping;
      const own = resolveCpus(cpus, topology);
      const both = own.filter((cpu) => realtime.includes(cpu));
      if (both.length > 0)
        refuse(
          `IOThread ${String(index + 1)}: CPU ${formatCpuList(both)} belongs to a realtime vCPU's core`,
          'choose others, or set the CPUs of the vCPUs too',
        );
      return own;
    }),
  };
};
