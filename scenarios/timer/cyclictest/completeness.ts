import { type Expectation, leastOf, type MeasuredHistogram } from '../../../lib/plugin.js';
import { type CyclictestOptions, loopsOf } from './options.js';
import type { CyclictestResult } from './parse.js';

/** Its threads wait for a full second before they begin, and for another where that is near. */
const alignment = 2e9;

/** A loaded machine takes so long to start the other threads, which all end with the first. */
const start = 50e6;

/** Wake-ups that a thread that is never late has. */
const wakeUpsOf = (options: CyclictestOptions): number => {
  const { duration: time = 0, interval, secaligned } = options;
  return loopsOf(options) ?? Math.floor(Math.max(0, time - (secaligned === undefined ? 0 : alignment)) / interval);
};

/** Wake-ups that a thread left out because those before were late, at most: it goes on with the next that lies ahead. */
const leftOut = ({ histogram }: MeasuredHistogram, interval: number): number => {
  let periods = 0;
  for (const { to, count } of histogram.bins()) periods += Math.floor(to / interval) * count;
  for (const { max, count } of histogram.overflow) periods += Math.floor(max / interval) * count;
  return periods;
};

/**
 * A thread that wakes no more has its last wait open at the end, and cyclictest counts only those that are over. It is at least as long as the
 * wake-ups that nothing else explains.
 */
const withOpenWait = (
  metric: MeasuredHistogram,
  { asked, spare, interval }: { readonly asked: number; readonly spare: number; readonly interval: number },
): MeasuredHistogram => {
  const missing = asked - metric.histogram.count;
  const open = missing - leftOut(metric, interval);
  if (metric.histogram.count === 0 || asked - open >= leastOf(asked, spare)) return metric;
  const histogram = metric.histogram.clone();
  histogram.addOverflow(1, { above: (open - 1) * interval, max: missing * interval });
  return { ...metric, histogram };
};

/**
 * What of every thread is expected, `cpus` in turn; and the result with the waits that were open at its end. After `loops` of one thread the
 * others have fewer where they were late for several wake-ups, and are complete all the same; after a breach all have.
 */
export const complete = <Result extends CyclictestResult>(
  result: Result,
  options: CyclictestOptions,
  { cpus, threads }: { readonly cpus: readonly number[]; readonly threads: number },
): Result & { readonly expected: readonly Expectation[] } => {
  const asked = wakeUpsOf(options);
  const { interval } = options;
  const spare = threads > 1 ? Math.ceil(start / interval) : 0;
  const counted = result.metrics;
  const metrics =
    result.breach === undefined ? counted.map((metric) => withOpenWait(metric, { asked, spare, interval })) : counted;
  const toldCpus = counted.every(({ labels }) => labels['cpu'] !== undefined);
  const expected = Array.from({ length: threads }, (_, thread): Expectation => {
    const labels = { thread: String(thread), ...(toldCpus ? { cpu: String(cpus[thread % cpus.length]) } : {}) };
    const index = counted.findIndex((metric) => metric.labels['thread'] === String(thread));
    const starved = metrics[index] !== counted[index];
    const late = loopsOf(options) !== undefined && !starved;
    return { metric: 'latency', labels, ...(late || asked === 0 ? {} : { samples: asked, spare }) };
  });
  return { ...result, metrics, expected };
};
