import { parseCpuList } from '../host/cpu-list.js';
import { files, line, type Request, type Snapshot } from '../tuning/reading.js';

export const isolationRequests: readonly Request[] = files(
  '/sys/devices/system/cpu/isolated',
  '/sys/devices/system/cpu/nohz_full',
  // Partitions of cgroup v2, since 6.7.
  '/sys/fs/cgroup/cpuset.cpus.isolated',
);

/** A list as the kernel shows it: `(null)` is none. */
const cpusAt = (now: Snapshot, path: string): readonly number[] => {
  const shown = line(now, path) ?? '';
  return /^[\d,-]+$/.test(shown) ? parseCpuList(shown) : [];
};

/** CPUs that the running kernel has isolated in one way or another. */
export interface KernelIsolation {
  /** Without load balancing. */
  readonly isolated: readonly number[];
  /** Without the tick. */
  readonly nohzFull: readonly number[];
}

/** Reads off a snapshot of {@link isolationRequests}. */
export const kernelIsolation = (now: Snapshot): KernelIsolation => ({
  isolated: [
    ...new Set([
      ...cpusAt(now, '/sys/devices/system/cpu/isolated'),
      ...cpusAt(now, '/sys/fs/cgroup/cpuset.cpus.isolated'),
    ]),
  ].sort((a, b) => a - b),
  nohzFull: cpusAt(now, '/sys/devices/system/cpu/nohz_full'),
});
