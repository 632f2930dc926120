import * as z from 'zod';
import { formatCpuList, intersectCpus, parseCpuList } from '../../host/cpu-list.js';
import { defineKnob, type Item } from '../knob.js';
import type { Machine } from '../machine.js';
import { files, line, matching, text, type Snapshot } from '../reading.js';
import { cpuList, lacking, value, withoutIsolated } from './common.js';

const root = '/sys/fs/resctrl';
const group = `${root}/kvm4nfv`;

/** Setting by domain, of a resource's line of a schemata file. */
const settingsOf = (schemata: string, resource: string): ReadonlyMap<string, string> =>
  new Map(
    schemata
      .split('\n')
      .filter((entry) => entry.trim().startsWith(`${resource}:`))
      .flatMap((entry) => entry.slice(entry.indexOf(':') + 1).split(';'))
      .map((domain) => {
        const [id = '', setting = ''] = domain.split('=');
        return [id.trim(), setting.trim()];
      }),
  );

/** The lowest `ways` of a mask, and the rest: contiguous, as the hardware wants them. */
export const splitMask = (mask: string, ways: number): { readonly own: string; readonly others: string } => {
  const all = BigInt(`0x${mask.trim()}`);
  const own = (1n << BigInt(ways)) - 1n;
  return { own: (all & own).toString(16), others: (all & ~own).toString(16) };
};

const ways = (mask: string): number => BigInt(`0x${mask.trim()}`).toString(2).length;
const infoFile = (now: Snapshot, resource: string, file: string): string | undefined =>
  now.files.get(`${root}/info/${resource}/${file}`)?.trim();

/** Caches that isolated CPUs are below; undefined where the machine does not tell, and then all are split. */
const ownCaches = (now: Snapshot, { isolated }: Machine): ReadonlySet<string> | undefined => {
  const ids = isolated.map((cpu) => line(now, `/sys/devices/system/cpu/cpu${String(cpu)}/cache/index3/id`));
  return ids.some((id) => id === undefined) ? undefined : new Set(ids.filter((id) => id !== undefined));
};

interface Setting {
  readonly resource: string;
  readonly setting: string;
}

/** Writing some domains leaves the others: what will show is the old text with those changed. */
const partial = (
  now: Snapshot,
  path: string,
  settings: readonly Setting[],
  caches: ReadonlySet<string> | undefined,
  label: string,
): Item => {
  const before = now.files.get(path);
  if (before === undefined) return lacking(label, `${path} is not there`);
  const changed = ({ resource, setting }: Setting): string =>
    `${resource}:${[...settingsOf(before, resource)]
      .map(([id, old]) => `${id}=${caches === undefined || caches.has(id) ? setting : old}`)
      .join(';')}`;
  const lines = settings.map(changed);
  const put = (entry: string): string =>
    lines.find((each) => each.split(':')[0] === entry.trim().split(':')[0]) ?? entry;
  return {
    kind: 'value',
    path,
    aspect: 'schemata',
    want: before.split('\n').map(put).join('\n'),
    text: lines.join('\n'),
    label,
  };
};

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

/** Groups of somebody else that may fill the ways that are to be the isolated CPUs' alone. */
const sharers = (now: Snapshot, own: string, caches: ReadonlySet<string> | undefined): Item[] =>
  matching(now, new RegExp(`^${root}/([^/]+)/schemata$`)).flatMap(({ text: shown, groups: [name = ''] }) => {
    if (name === 'kvm4nfv') return [];
    const shared = [...settingsOf(shown, 'L3')].filter(
      ([id, mask]) =>
        (caches === undefined || caches.has(id)) &&
        /^[0-9a-f]+$/i.test(mask) &&
        (BigInt(`0x${mask}`) & BigInt(`0x${own}`)) !== 0n,
    );
    const users = [
      ...[line(now, `${root}/${name}/cpus_list`) ?? ''].filter((cpus) => cpus !== '').map((cpus) => `CPUs ${cpus}`),
      ...[now.files.get(`${root}/${name}/tasks`)?.trim() ?? '']
        .filter((tasks) => tasks !== '')
        .map((tasks) => `${String(tasks.split('\n').length)} tasks`),
    ];
    return shared.length === 0 || users.length === 0
      ? []
      : [
          lacking(
            `group ${name}`,
            `${users.join(' and ')} of ${root}/${name} may fill the same ways: ${shared.map(([id, mask]) => `${id}=${mask}`).join(';')}`,
            'unsupported',
          ),
        ];
  });

const bandwidth = z
  .union([
    z.int().min(10).max(100),
    z.strictObject({ gigabytes_per_second: z.number().min(0.125).max(256) }).meta({ description: 'AMD.' }),
  ])
  .meta({ description: 'Memory bandwidth left to everything else: percent on Intel, GB/s on AMD (MBA).' });
type Bandwidth = z.output<typeof bandwidth>;

/** Intel counts in percent, AMD in eighths of a GB/s. */
const bandwidthSetting = (now: Snapshot, { vendor }: Machine, wanted: Bandwidth): Setting | Item => {
  if (infoFile(now, 'MB', 'bandwidth_gran') === undefined)
    return lacking('MB', 'the processor can not limit memory bandwidth', 'unsupported');
  const percent = typeof wanted === 'number';
  if (percent === (vendor === 'amd'))
    return lacking(
      'MB',
      percent
        ? `this processor limits memory bandwidth by GB/s and not by percent: others_bandwidth: { gigabytes_per_second: ... } instead of ${String(wanted)}`
        : `this processor limits memory bandwidth by percent: others_bandwidth: 50, say, instead of ${String(wanted.gigabytes_per_second)} GB/s`,
      'unsupported',
    );
  return { resource: 'MB', setting: String(percent ? wanted : Math.round(wanted.gigabytes_per_second * 8)) };
};

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

/** Why the cache can't be split, where it can't. */
const obstacle = (now: Snapshot, mask: string | undefined, wanted: number): Item | undefined => {
  if (mask === undefined)
    return infoFile(now, 'L3CODE', 'cbm_mask') === undefined
      ? lacking('L3', 'the processor can not partition its L3 cache (no CAT)', 'unsupported')
      : lacking(
          'L3',
          `${root} is mounted with cdp, so that code and data have ways of their own: mount it without`,
          'unsupported',
        );
  return wanted < ways(mask)
    ? undefined
    : lacking(
        'L3',
        `${String(wanted)} ways are asked for and the cache has ${String(ways(mask))}: nothing would be left`,
        'unsupported',
      );
};

export const cacheAllocation = defineKnob({
  name: 'cache-allocation',
  group: 'performance',
  summary:
    'Cache ways of the L3 (CAT) and memory bandwidth (MBA) for the isolated CPUs alone, by resctrl; of caches that no isolated CPU is below nothing is taken.',
  why: 'Neighbours evict the cache lines of the real-time work and fill the memory bus. KVM4NFV required CAT and never got it.',
  costs:
    'Each line evicted is a memory access of about 100 ns; a handler of hundreds of lines becomes tens of microseconds slower.',
  source: 'Documentation/filesystems/resctrl.rst',
  mend: 'mount -t resctrl resctrl /sys/fs/resctrl, make a group, write cpus_list and schemata; or pqos(8).',
  value: z.strictObject({
    ways: z.int().min(1).meta({ description: 'L3 ways for the isolated CPUs; everything else gets the rest.' }),
    others_bandwidth: bandwidth.optional(),
  }),
  reads: () => [
    text('/proc/filesystems'),
    ...files(
      '/proc/mounts',
      '/sys/devices/system/cpu/cpu[0-9]*/cache/index3/id',
      `${root}/info/*/*`,
      `${root}/schemata`,
      `${root}/*/schemata`,
      `${root}/*/cpus_list`,
      `${root}/*/tasks`,
      `${group}/mode`,
      `${group}/mon_data/*/llc_occupancy`,
    ),
    { kind: 'command', argv: ['findmnt', '-n', '-o', 'FSTYPE', '-M', root] },
  ],
  items: ({ value: wanted, machine }, now) => {
    if (!(now.texts.get('/proc/filesystems') ?? '').includes('resctrl'))
      return [lacking('resctrl', 'the kernel or the processor has no resource control (RDT, PQoS)', 'unsupported')];
    if (machine.isolated.length === 0) return [withoutIsolated('cache')];
    // What there is to split shows once it is mounted.
    if (!now.files.has(`${root}/schemata`)) return [mount];
    const mask = infoFile(now, 'L3', 'cbm_mask');
    const hindered = obstacle(now, mask, wanted.ways);
    if (hindered !== undefined || mask === undefined) return hindered === undefined ? [] : [hindered];
    const theirs = taken(now, machine);
    if (theirs.length > 0) return theirs;
    const caches = ownCaches(now, machine);
    const { own, others } = splitMask(mask, wanted.ways);
    const limit =
      wanted.others_bandwidth === undefined ? undefined : bandwidthSetting(now, machine, wanted.others_bandwidth);
    const settings = [
      { resource: 'L3', setting: others },
      ...(limit !== undefined && 'resource' in limit ? [limit] : []),
    ];
    return [
      mount,
      { kind: 'directory', path: group, label: 'group', phase: 1 },
      value(`${group}/cpus_list`, 'cpu-list', cpuList(machine.isolated)),
      partial(now, `${group}/schemata`, [{ resource: 'L3', setting: own }], caches, 'isolated CPUs'),
      partial(now, `${root}/schemata`, settings, caches, 'everything else'),
      ...(limit !== undefined && !('resource' in limit) ? [limit] : []),
      ...sharers(now, own, caches),
      ...occupancy(now),
    ];
  },
});

/** Isolated CPUs that are in somebody else's group: the kernel would take them from it, and give them back to none. */
const taken = (now: Snapshot, { isolated }: Machine): Item[] =>
  matching(now, new RegExp(`^${root}/([^/]+)/cpus_list$`)).flatMap(({ text: shown, groups: [name = ''] }) => {
    const both = name === 'kvm4nfv' || shown.trim() === '' ? [] : intersectCpus(parseCpuList(shown), isolated);
    return both.length === 0
      ? []
      : [lacking(`group ${name}`, `CPUs ${formatCpuList(both)} are of ${root}/${name}`, 'differs')];
  });
