import type { Statistic } from './statistic.js';

/** What people call a statistic beside its name here. */
const otherNames: Readonly<Record<string, Statistic>> = {
  avg: { kind: 'mean' },
  average: { kind: 'mean' },
  median: { kind: 'percentile', percentile: 50, needs: 20 },
  stdev: { kind: 'stddev' },
  std: { kind: 'stddev' },
};

const names = ['min', 'mean', 'max', 'count', 'stddev'] as const;

/** Statistics without an argument, by the words for them. */
export const wordOf = (name: string): Statistic | undefined => {
  const kind = names.find((one) => one === name);
  if (kind !== undefined) return { kind };
  if (name === 'samples') return { kind: 'count' };
  return Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
};

/** Words that a plug-in may have called a counter or a gauge, because they meant nothing before. */
export const mayBeMetric = (word: string): boolean => word === 'stddev' || Object.hasOwn(otherNames, word);

export const statisticWords: readonly string[] = [
  ...names,
  'samples',
  'over',
  'share_over',
  'duration',
  ...Object.keys(otherNames),
];

const meant: readonly (readonly [RegExp, string])[] = [
  [/^(minimum|lowest|least|best)$/, 'min'],
  [/^(maximum|highest|greatest|worst|peak)$/, 'max'],
  [/^(average_?latency|mu)$/, 'mean'],
  [/^(std_?dev|standard_?deviation|sd|sigma|variance|var)$/, 'stddev'],
  [/^(range|spread|jitter|peak_?to_?peak)$/, 'max - min'],
  [/^(n|total|cycles|num|number|size|sample_?count)$/, 'count'],
  [/^(above|exceed(s|ed|ing)?|greater|violations|outliers)$/, 'over(20us)'],
  [/^(share|ratio|fraction|percent_?over|over_?share)$/, 'share_over(20us)'],
  [/^(time|runtime|elapsed|length)$/, 'duration'],
];

/** The name here of what people may call a statistic. */
export const meantBy = (word: string): string | undefined => {
  const lower = word.toLowerCase();
  // p999 is how many write p99.9, p99_9 how some must.
  const [, whole, more] = /^(?:p|pct|perc|percentile|quantile)_?(\d{1,2})(?:_?(\d+))?$/.exec(lower) ?? [];
  if (whole !== undefined && Number(whole) > 0) return more === undefined ? `p${whole}` : `p${whole}.${more}`;
  if (/^(percentile|quantile|perc|pct|p)$/.test(lower)) return 'p99.9';
  return meant.find(([words]) => words.test(lower))?.[1];
};

const unitNames: readonly (readonly [RegExp, string])[] = [
  [/^n(sec|secs|anosec|anosecs|anosecond|anoseconds)$/, 'ns'],
  [/^([uµμ]sec|[uµμ]secs|micros|microsec|microsecs|microsecond|microseconds|mus)$/, 'us'],
  [/^m(sec|secs|illis|illisec|illisecs|illisecond|illiseconds)$/, 'ms'],
  [/^(sec|secs|second|seconds)$/, 's'],
  [/^(mins|minute|minutes)$/, 'min'],
  [/^(hr|hrs|hour|hours)$/, 'h'],
  [/^(day|days)$/, 'd'],
  [/^(percent|pct)$/, '%'],
  [/^(packet|pkt|pkts|frames|frame)$/, 'packets'],
  [/^(pkts?\/s|frames\/s|fps)$/, 'pps'],
  [/^(bps|bits\/s|b\/s)$/, 'bit/s'],
  [/^gbps$/, 'Gbit/s'],
  [/^mbps$/, 'Mbit/s'],
  [/^kbps$/, 'kbit/s'],
  [/^bytes?$/, 'B'],
];

/** The unit that a word stands for elsewhere. */
export const unitMeantBy = (word: string): string | undefined =>
  unitNames.find(([words]) => words.test(word.toLowerCase()))?.[1];
