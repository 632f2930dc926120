import { formatCpuList } from '../../host/cpu-list.js';
import { files, line, matching } from '../../tuning/reading.js';
import { findingOf, type Cost } from '../finding.js';
import type { Check, Seen } from '../seen.js';

interface Swap {
  readonly path: string;
  readonly kilobytes: number;
  readonly used: number;
}

const swapsOf = (text: string): Swap[] =>
  text
    .trim()
    .split('\n')
    .slice(1)
    .map((entry) => entry.trim().split(/\s+/))
    .flatMap(([path = '', , size, used]) =>
      path === '' ? [] : [{ path, kilobytes: Number(size), used: Number(used) }],
    );

const sizeOf = (kilobytes: number): string =>
  kilobytes < 2 ** 20 ? `${String(Math.round(kilobytes / 1024))} MiB` : `${(kilobytes / 2 ** 20).toFixed(1)} GiB`;

const described = ({ path, kilobytes, used }: Swap): string =>
  `${path}, ${sizeOf(kilobytes)}, ${used === 0 ? 'none of it used' : `${sizeOf(used)} used`}`;

const swapMend = (swaps: readonly Swap[], { distribution }: Seen): string =>
  swaps.some(({ path }) => path.includes('zram')) && distribution.family === 'redhat'
    ? 'swapoff -a; dnf remove zram-generator-defaults'
    : 'swapoff -a, and no swap in /etc/fstab; or lock the memory (mlockall, and <locked/> of libvirt)';

export const swap: Check = {
  reads: files('/proc/swaps'),
  look: (seen) => {
    const swaps = swapsOf(seen.now.files.get('/proc/swaps') ?? '');
    if (swaps.length === 0) return { findings: [], silences: ['swappiness'] };
    const compressed = swaps.every(({ path }) => /\/zram\d+$/.test(path));
    const cost: Cost = compressed
      ? {
          least: 5000,
          most: 50_000,
          source: 'estimated; Linux, Documentation/admin-guide/blockdev/zram.rst: a page to decompress',
        }
      : { least: 100_000, most: 10_000_000, source: 'estimated; a read of the disk for each page' };
    return {
      findings: [
        findingOf({
          check: 'swap',
          what: `swap is on${compressed ? ', in compressed memory' : ''} (${swaps.map(described).join('; ')})`,
          costs: compressed
            ? 'Memory that is not locked is compressed, and each page is decompressed when it is touched again.'
            : 'Each page of memory that is not locked may have to come back from the disk.',
          cost,
          mend: swapMend(swaps, seen),
          knob: 'swappiness',
        }),
      ],
      silences: ['swappiness'],
    };
  },
};

const distanceOf = (seen: Seen, from: number, to: number): number => {
  const row = line(seen.now, `/sys/devices/system/node/node${String(from)}/distance`)
    ?.split(/\s+/)
    .map(Number);
  return row?.[to] ?? 20;
};

/** A node as far away as 20 takes twice as long as the own one, whose memory answers after about 100 ns. */
const remoteCost = (distance: number): Cost => ({
  least: 50,
  most: Math.max(100, (distance - 10) * 10),
  source: 'node/nodeN/distance of this machine where it tells; 10 is the own node, about 100 ns',
});

export const numaLocality: Check = {
  reads: files('/sys/devices/system/node/node[0-9]*/distance'),
  look: (seen) => {
    const { isolated, nodes } = seen.machine;
    const used = nodes.filter(({ cpus }) => cpus.some((cpu) => isolated.includes(cpu)));
    const [first, ...others] = used;
    if (first === undefined || others.length === 0) return undefined;
    return findingOf({
      check: 'numa-locality',
      what: `the isolated CPUs are on nodes ${used.map(({ id }) => String(id)).join(', ')}`,
      costs: 'More time for each access to the memory of another node.',
      cost: remoteCost(Math.max(...others.map(({ id }) => distanceOf(seen, first.id, id)))),
      mend: 'Isolate CPUs of one node, the one of the network device; or give each guest CPUs and memory of one.',
    });
  },
};

export const memoryOnlyNodes: Check = {
  reads: [],
  look: ({ machine: { nodes } }) => {
    const bare = nodes.filter(({ cpus }) => cpus.length === 0);
    const own = nodes.filter(({ cpus }) => cpus.length > 0);
    if (bare.length === 0 || own.length === 0) return undefined;
    const ids = (list: typeof nodes): string => formatCpuList(list.map(({ id }) => id));
    return findingOf({
      check: 'memory-only-nodes',
      what: `nodes ${ids(bare)} have memory and no CPUs (CXL, high-bandwidth or persistent memory)`,
      costs: 'Memory that is taken from there answers later, by a fourth to two times.',
      cost: { least: 50, most: 250, source: 'estimated; Linux, Documentation/admin-guide/mm/memory-tiering' },
      mend: `Bind guests and DPDK to the other nodes: numactl --membind=${ids(own)} ..., <numatune> of libvirt.`,
    });
  },
};

const aspm = /^\/sys\/bus\/pci\/devices\/[^/]+\/link\/(?:l0s|l1|l1_1|l1_2)_aspm$/;

/** Links sleep only where both ends can and were told to: the kernel shows it since 5.5. */
export const sleepingLinks: Check = {
  reads: files('/sys/bus/pci/devices/*/link/l*_aspm'),
  look: ({ now, machine: { kernel } }) => {
    const shown = kernel.major > 5 || (kernel.major === 5 && kernel.minor >= 5);
    const asleep = matching(now, aspm).some(({ text }) => text.trim() === '1');
    return shown && !asleep ? { findings: [], silences: ['pcie-aspm'] } : undefined;
  },
};

/** What is stopped and has merged nothing, or has parted everything again, costs nothing. */
export const mergedPages: Check = {
  reads: files('/sys/kernel/mm/ksm/run', '/sys/kernel/mm/ksm/pages_shared'),
  look: ({ now }) =>
    line(now, '/sys/kernel/mm/ksm/run') === '0' && line(now, '/sys/kernel/mm/ksm/pages_shared') === '0'
      ? { findings: [], silences: ['ksm'] }
      : undefined,
};
