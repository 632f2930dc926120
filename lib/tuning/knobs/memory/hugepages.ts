import * as z from 'zod';
import { parseSize } from '../../../measure/fields.js';
import { canonical } from '../../aspect.js';
import type { Machine } from '../../machine.js';
import { parameterShowing } from '../../boot/effects.js';
import { defineKnob, type Effect, type Item, type Place } from '../../knob.js';
import { readPlace } from '../../place.js';
import { files, line, matching, text, type Snapshot } from '../../reading.js';
import { lacking, parameter } from '../common.js';

/** Of x86, of arm64 with pages of 4, 16 and 64 KiB, and of POWER. */
const pageSize = z.enum(['64KiB', '2MiB', '16MiB', '32MiB', '512MiB', '1GiB', '16GiB']);
const kilobytes = (size: string): string => String((parseSize(size) ?? 0) / 1024);
const kernelSize = (size: string): string => size.replace('iB', '');
/** Page sizes that the kernel and this processor have, as they are written here. */
const sizesOf = (now: Snapshot): string[] => [
  ...new Set(
    matching(now, /\/hugepages-(\d+)kB\/nr_hugepages$/).map(({ groups: [kB] }) => {
      const [unit, scale] = Number(kB) >= 2 ** 20 ? (['GiB', 2 ** 20] as const) : (['MiB', 2 ** 10] as const);
      return Number(kB) < 2 ** 10 ? `${kB ?? ''}KiB` : `${String(Number(kB) / scale)}${unit}`;
    }),
  ),
];

/** Of a size or a node that the user names and the machine has not, what it has. */
const missingPages = (now: Snapshot, { nodes }: Machine, size: string, node: number, label: string): Item => {
  const sizes = sizesOf(now);
  return nodes.length > 0 && nodes.every(({ id }) => id !== node)
    ? lacking(
        label,
        `there is no node ${String(node)}; there are ${nodes.map(({ id }) => String(id)).join(', ')}`,
        'differs',
      )
    : lacking(
        label,
        `no huge pages of ${size} here; there are ${sizes.join(', ') || 'none'}`,
        sizes.includes(size) ? 'differs' : 'unsupported',
      );
};

export const hugepages = defineKnob({
  name: 'hugepages',
  group: 'operating-system',
  summary: 'Exact number of huge pages of a size on a NUMA node, read back.',
  why: 'Guest memory and DPDK buffers in huge pages need no page-table walk of four (with EPT: 24) steps, and cannot be swapped or split. The count is what is wanted in all, not what is added.',
  costs: 'TLB misses all along; a guest that does not start, or memory of the other node, where there are too few.',
  source: 'Documentation/admin-guide/mm/hugetlbpage.rst',
  mend: 'Write the number to /sys/devices/system/node/nodeN/hugepages/hugepages-<kB>kB/nr_hugepages, or reserve at boot (hugepages-boot).',
  weight: 'major',
  value: z
    .array(z.strictObject({ size: pageSize, count: z.int().min(0), node: z.int().min(0).optional() }))
    .min(1)
    .meta({ description: "Count in all, by size and node. Default node: the profile's." }),
  reads: () =>
    files(
      '/sys/devices/system/node/node[0-9]*/hugepages/hugepages-*/nr_hugepages',
      '/sys/kernel/mm/hugepages/hugepages-*/nr_hugepages',
    ),
  items: ({ value: wanted, machine }, now) =>
    wanted.map(({ size, count, node = machine.node }): Item => {
      const file = `hugepages-${kilobytes(size)}kB/nr_hugepages`;
      const perNode = `/sys/devices/system/node/node${String(node)}/hugepages/${file}`;
      const label = `${size} pages of node ${String(node)}`;
      // Without NUMA there is no per-node count.
      const path = now.files.has(perNode) || machine.nodes.length > 0 ? perNode : `/sys/kernel/mm/hugepages/${file}`;
      return now.files.has(path)
        ? { kind: 'value', path, aspect: 'amount', want: String(count), label }
        : missingPages(now, machine, size, node, label);
    }),
});

export const hugepagesAtBoot = defineKnob({
  name: 'hugepages-boot',
  group: 'operating-system',
  summary: 'Huge pages reserved at boot, and the default size.',
  why: 'Pages of 1 GiB need memory in one piece, which is found for certain only at boot.',
  costs: 'As for hugepages.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: hugepagesz=, hugepages=, default_hugepagesz=',
  mend: 'Boot with default_hugepagesz=1G hugepagesz=1G hugepages=<n>.',
  needsReboot: true,
  value: z.strictObject({
    default: pageSize.optional(),
    pages: z
      .array(z.strictObject({ size: pageSize, count: z.int().min(0), node: z.int().min(0).optional() }))
      .default([])
      .meta({
        description: 'Count by size; by node as well since Linux 5.16. Without a node they are spread over all.',
      }),
  }),
  reads: () => [
    ...files(
      '/sys/devices/system/node/node[0-9]*/hugepages/hugepages-*/nr_hugepages',
      '/sys/kernel/mm/hugepages/hugepages-*/nr_hugepages',
    ),
    text('/proc/meminfo'),
  ],
  items: ({ value: { default: fallback, pages }, machine }, now) => [
    ...(fallback === undefined ? [] : [defaultSize(now, fallback)]),
    ...[...new Set(pages.map(({ size }) => size))].map((size) =>
      reserved(
        now,
        machine,
        size,
        pages.filter((each) => each.size === size),
      ),
    ),
  ],
});

const defaultSize = (now: Snapshot, size: string): Item => {
  const given = `default_hugepagesz=${kernelSize(size)}`;
  const shown = /^Hugepagesize:\s*(\d+) kB$/m.exec(now.texts.get('/proc/meminfo') ?? '')?.[1];
  if (shown === undefined) return parameter(given);
  const text = `Hugepagesize: ${shown} kB`;
  return parameterShowing(given, {
    effective: shown === kilobytes(size),
    text,
    reason: `${given} is given, but /proc/meminfo shows ${text}`,
  });
};

interface Reserved {
  readonly count: number;
  readonly node?: number | undefined;
}

/** Whether there are as many as wanted, on the nodes that are named; undefined where the kernel shows no huge pages of any size. */
const reservedEffect = (
  now: Snapshot,
  size: string,
  wanted: readonly Reserved[],
  given: string,
): Effect | undefined => {
  if (sizesOf(now).length === 0) return undefined;
  const file = `hugepages-${kilobytes(size)}kB/nr_hugepages`;
  const places = wanted.map(({ node, count }) => ({
    path:
      node === undefined
        ? `/sys/kernel/mm/hugepages/${file}`
        : `/sys/devices/system/node/node${String(node)}/hugepages/${file}`,
    count,
  }));
  const totals = [...new Set(places.map(({ path }) => path))].map((path) => ({
    path,
    shown: Number(line(now, path) ?? 0),
    count: places.filter((place) => place.path === path).reduce((sum, { count }) => sum + count, 0),
  }));
  const short = totals.filter(({ shown, count }) => shown < count);
  return {
    effective: short.length === 0,
    text: `${totals.map(({ shown }) => String(shown)).join(', ')} pages of ${size}`,
    reason: sizesOf(now).includes(size)
      ? `${given} is given, but ${short.map(({ path, shown }) => `${path} shows ${String(shown)}`).join(', ')}: the kernel found no more memory in one piece`
      : `${given} is given, but there are no huge pages of ${size} here, only of ${sizesOf(now).join(', ')}`,
  };
};

/** `hugepages=0:2,1:4` where nodes are named. */
const reserved = (now: Snapshot, machine: Machine, size: string, wanted: readonly Reserved[]): Item => {
  const strange = wanted.find(({ node }) => node !== undefined && machine.nodes.every(({ id }) => id !== node));
  if (strange?.node !== undefined) return missingPages(now, machine, size, strange.node, `${size} pages`);
  const byNode = wanted.some(({ node }) => node !== undefined);
  const placed = wanted.map(({ node, count }) => ({ count, ...(byNode ? { node: node ?? 0 } : {}) }));
  const counts = placed.map(({ node, count }) =>
    node === undefined ? String(count) : `${String(node)}:${String(count)}`,
  );
  const given = `hugepagesz=${kernelSize(size)} hugepages=${counts.join(',')}`;
  return parameterShowing(given, reservedEffect(now, size, placed, given));
};

const mountAt = (path: string): Extract<Place, { kind: 'command' }> => ({
  kind: 'command',
  argv: ['findmnt', '-n', '-o', 'FSTYPE,OPTIONS', '-M', path],
});
const nothing = 'exit-1';

export const hugetlbfs = defineKnob({
  name: 'hugetlbfs',
  group: 'operating-system',
  summary: 'A hugetlbfs mount for a page size.',
  why: 'QEMU and DPDK take huge pages of a given size from a file system of that size.',
  costs: 'A guest that does not start, or starts on small pages.',
  source: 'Documentation/admin-guide/mm/hugetlbpage.rst (mount options)',
  mend: 'mount -t hugetlbfs -o pagesize=1G none /dev/hugepages1G',
  value: z
    .array(
      z.strictObject({
        size: pageSize,
        path: z
          .string()
          .regex(/^\/[A-Za-z0-9_./-]+$/)
          .refine((path) => !path.split('/').includes('..'), 'no .. in the path'),
      }),
    )
    .min(1),
  reads: (mounts) => [
    ...mounts.map(({ path }) => mountAt(path)),
    ...mounts.map(({ path }) => ({ kind: 'names', glob: path }) as const),
    text('/proc/filesystems'),
  ],
  items: ({ value: mounts }, now) => {
    if (!(now.texts.get('/proc/filesystems') ?? '').includes('hugetlbfs'))
      return [lacking('hugetlbfs', 'the kernel has no hugetlbfs')];
    return mounts.flatMap(({ size, path }): Item[] => {
      const mount = {
        label: `${size} at ${path}`,
        place: mountAt(path),
        aspect: 'hugetlbfs',
        want: `hugetlbfs pagesize=${kernelSize(size)}`,
      } as const;
      const there = readPlace(now, mount.place) ?? nothing;
      // What is mounted there already is somebody's: compared, and not covered.
      if (there !== nothing && canonical(mount.aspect, there) !== canonical(mount.aspect, mount.want))
        return [{ kind: 'check', ...mount }];
      return [
        { kind: 'directory', path, label: path, phase: 1 },
        {
          kind: 'action',
          ...mount,
          argv: ['mount', '-t', 'hugetlbfs', '-o', `pagesize=${kernelSize(size)}`, 'none', path],
          undo: () => ['umount', path],
        },
      ];
    });
  },
});

export const lockedMemory = defineKnob({
  name: 'locked-memory',
  group: 'operating-system',
  summary: 'No limit on locked memory for new sessions of any user.',
  why: 'Real-time programs and DPDK lock their memory (mlockall); without the right they fail or, worse, go on with memory that can be swapped.',
  costs: 'A page fault, up to milliseconds from swap, at the first touch of each page.',
  source: 'getrlimit(2) (RLIMIT_MEMLOCK), limits.conf(5)',
  mend: 'memlock unlimited in /etc/security/limits.d/',
  value: z.literal('unlimited'),
  reads: () => [text('/etc/security/limits.d/95-kvm4nfv.conf'), { kind: 'names', glob: '/etc/security/limits.d' }],
  items: (_, now) =>
    now.names.has('/etc/security/limits.d')
      ? [
          {
            kind: 'file',
            label: 'limits.d',
            path: '/etc/security/limits.d/95-kvm4nfv.conf',
            want: '# Written by kvm4nfv and removed again by it.\n* soft memlock unlimited\n* hard memlock unlimited\nroot soft memlock unlimited\nroot hard memlock unlimited\n',
          },
        ]
      : [],
});
