import * as z from 'zod';
import { defineKnob, type Item } from '../knob.js';
import { files, matching, text, type Snapshot } from '../reading.js';
import { cpuList, lacking, value, withoutIsolated } from './common.js';

const root = '/sys/fs/resctrl';
const group = `${root}/kvm4nfv`;

/** Ids of the cache or memory domains in a resource's line of a schemata file. */
export const domainsOf = (schemata: string, resource: string): string[] =>
  schemata
    .split('\n')
    .filter((entry) => entry.trim().startsWith(`${resource}:`))
    .flatMap((entry) => entry.slice(entry.indexOf(':') + 1).split(';'))
    .map((domain) => domain.split('=')[0]?.trim() ?? '');

/** The lowest `ways` of a mask, and the rest: contiguous, as the hardware wants them. */
export const splitMask = (mask: string, ways: number): { readonly own: string; readonly others: string } => {
  const all = BigInt(`0x${mask.trim()}`);
  const own = (1n << BigInt(ways)) - 1n;
  return { own: (all & own).toString(16), others: (all & ~own).toString(16) };
};

const ways = (mask: string): number => BigInt(`0x${mask.trim()}`).toString(2).length;
const infoFile = (now: Snapshot, resource: string, file: string): string | undefined =>
  now.files.get(`${root}/info/${resource}/${file}`)?.trim();

const schemata = (now: Snapshot, resource: string, setting: string): string =>
  domainsOf(now.files.get(`${root}/schemata`) ?? '', resource)
    .map((domain) => `${domain}=${setting}`)
    .join(';');

export const cacheAllocation = defineKnob({
  name: 'cache-allocation',
  group: 'performance',
  summary: 'Cache ways of the L3 (CAT) and memory bandwidth (MBA) for the isolated CPUs alone, by resctrl.',
  why: 'Neighbours evict the cache lines of the real-time work and fill the memory bus. KVM4NFV required CAT and never got it.',
  costs:
    'Each line evicted is a memory access of about 100 ns; a handler of hundreds of lines becomes tens of microseconds slower.',
  source: 'Documentation/filesystems/resctrl.rst',
  mend: 'mount -t resctrl resctrl /sys/fs/resctrl, make a group, write cpus_list and schemata; or pqos(8).',
  value: z.strictObject({
    ways: z.int().min(1).meta({ description: 'L3 ways for the isolated CPUs; everything else gets the rest.' }),
    others_bandwidth: z
      .int()
      .min(10)
      .max(100)
      .meta({ description: 'Memory bandwidth left to everything else, percent (MBA).' })
      .optional(),
  }),
  reads: () => [
    text('/proc/filesystems'),
    ...files(
      '/proc/mounts',
      `${root}/info/*/*`,
      `${root}/schemata`,
      `${group}/schemata`,
      `${group}/cpus_list`,
      `${group}/mode`,
      `${group}/mon_data/*/llc_occupancy`,
    ),
    { kind: 'command', argv: ['findmnt', '-n', '-o', 'FSTYPE', '-M', root] },
  ],
  items: ({ value: wanted, machine }, now) => {
    if (!(now.texts.get('/proc/filesystems') ?? '').includes('resctrl'))
      return [lacking('resctrl', 'the kernel or the processor has no resource control (RDT, PQoS)')];
    if (machine.isolated.length === 0) return [withoutIsolated('cache')];
    const mount: Item = {
      kind: 'action',
      label: 'mount',
      phase: 0,
      place: { kind: 'command', argv: ['findmnt', '-n', '-o', 'FSTYPE', '-M', root] },
      aspect: 'first-word',
      want: 'resctrl',
      argv: ['mount', '-t', 'resctrl', 'resctrl', root],
      undo: () => ['umount', root],
    };
    const mask = infoFile(now, 'L3', 'cbm_mask');
    if (mask === undefined)
      return now.files.has(`${root}/schemata`)
        ? [mount, lacking('L3', 'the processor can not partition its L3 cache')]
        : [mount];
    if (wanted.ways >= ways(mask))
      return [
        lacking(
          'L3',
          `${String(wanted.ways)} ways are asked for and the cache has ${String(ways(mask))}: nothing would be left`,
          'unsupported',
        ),
      ];
    const { own, others } = splitMask(mask, wanted.ways);
    const bandwidth =
      wanted.others_bandwidth === undefined || infoFile(now, 'MB', 'bandwidth_gran') === undefined
        ? {}
        : { MB: String(wanted.others_bandwidth) };
    return [
      mount,
      { kind: 'directory', path: group, label: 'group', phase: 1 },
      value(`${group}/cpus_list`, 'cpu-list', cpuList(machine.isolated)),
      partial(now, `${group}/schemata`, { L3: own }, 'isolated CPUs'),
      partial(now, `${root}/schemata`, { L3: others, ...bandwidth }, 'everything else'),
      ...occupancy(now),
    ];
  },
});

/** Bytes of each cache that the isolated CPUs hold, where the processor counts them (CMT): for the reader, none is wrong. */
const occupancy = (now: Snapshot): Item[] =>
  matching(now, /\/kvm4nfv\/mon_data\/mon_L3_(\d+)\/llc_occupancy$/).map(({ path, groups: [cache = ''] }) => ({
    kind: 'check',
    label: `bytes held in cache ${String(Number(cache))}`,
    place: { kind: 'file', path },
    aspect: 'text',
    want: 'counted',
    accept: () => true,
  }));

/** Writing some resources' lines leaves the others: what will show is the old text with those lines changed. */
const partial = (now: Snapshot, path: string, settings: Readonly<Record<string, string>>, label: string): Item => {
  const before = now.files.get(path);
  if (before === undefined) return lacking(label, `${path} is not there`);
  const lines = Object.entries(settings).map(
    ([resource, setting]) => `${resource}:${schemata(now, resource, setting)}`,
  );
  const changed = (entry: string): string =>
    lines.find((line) => line.split(':')[0] === entry.trim().split(':')[0]) ?? entry;
  return {
    kind: 'value',
    path,
    aspect: 'schemata',
    want: before.split('\n').map(changed).join('\n'),
    text: lines.join('\n'),
    label,
  };
};
