import { formatCpuList, parseCpuList, parseCpuMask } from '../host/cpu-list.js';

/**
 * How a value is read off what the kernel shows, so that two spellings of one value are equal:
 * `text` as it stands · `number` · `amount` a number that the kernel may only partly grant · `flag` Y/N or 1/0 ·
 * `choice` the one in brackets · `cpu-list` and `cpu-mask` CPUs · `schedule` policy and priority from /proc/PID/stat ·
 * `cpus-allowed` of /proc/PID/status · `schemata` of resctrl ·
 * `first-word` · `basename` of a path · `words` in any order · `hugetlbfs` type and page size of a mount, as findmnt shows type and options
 */
export const aspects = [
  'text', 'number', 'amount', 'flag', 'choice', 'cpu-list', 'cpu-mask', 'schedule', 'cpus-allowed', 'schemata', 'first-word', 'words', 'basename', 'hugetlbfs',
] as const; // prettier-ignore
/** `field:NAME` is the last `NAME: value` line of what a tool such as ethtool prints. */
export type Aspect = (typeof aspects)[number] | `field:${string}`;
export const isAspect = (name: unknown): name is Aspect =>
  typeof name === 'string' && (name.startsWith('field:') || aspects.some((aspect) => aspect === name));

const policies = ['other', 'fifo', 'rr', 'batch', 'iso', 'idle', 'deadline', 'ext'];

/** `ksoftirqd/1 fifo 2` of a line of /proc/PID/stat; the name is in it because numbers of processes are used again. */
const schedule = (stat: string): string => {
  const open = stat.indexOf('(');
  const close = stat.lastIndexOf(')');
  if (open < 0 || close < 0) return stat.trim();
  const fields = stat
    .slice(close + 1)
    .trim()
    .split(/\s+/);
  // Fields 40 and 41 of proc_pid_stat(5); the slice begins with field 3.
  const policy = policies[Number(fields[38])] ?? fields[38] ?? '?';
  return `${stat.slice(open + 1, close)} ${policy} ${fields[37] ?? '?'}`;
};

/** `L3:0=ff;1=ff` lines in one order, without padding or leading zeros. */
const schemata = (value: string): string =>
  value
    .trim()
    .split('\n')
    .map((entry) => {
      const [resource = '', domains = ''] = entry.trim().split(':');
      const sorted = domains
        .split(';')
        .map((domain) =>
          domain
            .trim()
            .replace(/=\s*0+(?=[0-9a-f])/i, '=')
            .toLowerCase(),
        )
        .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
      return `${resource.trim()}:${sorted.join(';')}`;
    })
    .sort()
    .join('\n');

const units: Readonly<Record<string, number>> = { K: 1, M: 1024, G: 1024 * 1024 };
const hugetlbfs = (mount: string): string => {
  const [type = '', options = ''] = mount.split(/\s+/);
  const [, count, unit = 'K'] = /(?:^|,)pagesize=(\d+)([KMG])/.exec(options) ?? [];
  return type !== 'hugetlbfs' || count === undefined
    ? type
    : `${type} pagesize=${String(Number(count) * (units[unit] ?? 1))}K`;
};

const field = (output: string, name: string): string => {
  const found = output.split('\n').findLast((entry) => entry.slice(0, entry.indexOf(':')).trim() === name);
  return found === undefined
    ? output
    : (found
        .slice(found.indexOf(':') + 1)
        .trim()
        .split(/\s/)[0] ?? '');
};

const flags: Readonly<Record<string, string>> = { y: '1', yes: '1', n: '0', no: '0', on: '1', off: '0' };

const orAsIs = (value: string, parse: (text: string) => string): string => {
  try {
    return parse(value);
  } catch {
    return value.trim();
  }
};

const asNumber = (value: string): string => (/^-?\d+$/.test(value) ? BigInt(value).toString() : value);
/** Thousands of interrupts of a big host show a handful of lists, each of hundreds of CPUs. */
const remember = (parse: (value: string) => string): ((value: string) => string) => {
  const known = new Map<string, string>();
  return (value) => {
    const parsed = known.get(value) ?? orAsIs(value, parse);
    if (known.size > 4096) known.clear();
    known.set(value, parsed);
    return parsed;
  };
};
const asCpus = remember((list) => formatCpuList(parseCpuList(list)));

const forms: Readonly<Record<(typeof aspects)[number], (value: string) => string>> = {
  text: (value) => value,
  basename: (value) => value.slice(value.lastIndexOf('/') + 1),
  'first-word': (value) => value.split(/\s/)[0] ?? '',
  words: (value) => value.split(/\s+/).sort().join(' '),
  number: asNumber,
  amount: asNumber,
  flag: (value) => flags[value.toLowerCase()] ?? value,
  choice: (value) => /\[([^\]]*)\]/.exec(value)?.[1] ?? value,
  'cpu-list': asCpus,
  'cpu-mask': remember((mask) => formatCpuList(parseCpuMask(mask))),
  schedule,
  'cpus-allowed': (value) => asCpus(/^Cpus_allowed_list:\s*(.*)$/m.exec(value)?.[1] ?? value),
  schemata,
  hugetlbfs,
};
const isPlain = (aspect: Aspect): aspect is (typeof aspects)[number] => Object.hasOwn(forms, aspect);

/** The value in its one form. Text that is not of the aspect's form stands for itself. */
export const canonical = (aspect: Aspect, value: string): string =>
  isPlain(aspect) ? forms[aspect](value.trim()) : field(value.trim(), aspect.slice('field:'.length));

/** What to write so that the kernel shows `shown` again. */
export const writable = (aspect: Aspect, shown: string): string =>
  aspect === 'choice' ? canonical(aspect, shown) : shown.trim();

/** Whether a value is what we made of `before` when we asked for `after`; an `amount` may have got part of the way only. */
export const isOurs = (aspect: Aspect, current: string, before: string, after: string): boolean => {
  const now = canonical(aspect, current);
  if (now === canonical(aspect, after)) return true;
  if (aspect !== 'amount') return false;
  const [low = 0, high = 0] = [Number(before.trim()), Number(after.trim())].sort((a, b) => a - b);
  return Number(now) >= low && Number(now) <= high;
};
