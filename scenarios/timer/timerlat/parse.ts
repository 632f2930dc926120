import { type Expectation, type Metric, type MeasuredHistogram } from '../../../lib/plugin.js';
import { columnHistogram, requireAll } from '../rtla-histogram.js';
import { readRtlaTable } from '../rtla-table.js';
import { nonsense } from '../thread-histogram.js';
import type { TimerlatOptions } from './options.js';

/** By the columns' names, in the order in which the scenario declares them. */
const kinds: Readonly<Record<string, string>> = { Thr: 'thread', IRQ: 'irq', Usr: 'user' };
const who = 'rtla timerlat';

export interface TimerlatResult {
  readonly metrics: readonly Metric[];
  readonly breach?: string;
}

const us = (ns: number): string => `${String(ns / 1000)} us`;

/** The limit of a metric, and the option that sets it. The tracer holds `-T` against the way back to user space too. */
const limitOf = (
  metric: string,
  options: TimerlatOptions,
): { readonly option: string; readonly limit: number } | undefined => {
  const limits =
    metric === 'irq'
      ? { auto: options.auto, stop_irq: options.stop_irq }
      : { auto: options.auto, stop_thread: options.stop_thread };
  const [found] = Object.entries(limits).flatMap(([option, limit]) => (limit === undefined ? [] : [{ option, limit }]));
  return found;
};

/** Decided by the numbers: a stop in the last second is not told (rtla up to 6.17 at least). The tracer stops at its limit, in whole us. */
const breachOf = (
  metrics: readonly MeasuredHistogram[],
  options: TimerlatOptions,
  stdout: string,
): string | undefined => {
  const broken = metrics
    .flatMap(({ name, labels, histogram }) => {
      const set = limitOf(name, options);
      const max = histogram.max ?? 0;
      return set !== undefined && max >= set.limit ? [{ name, cpu: labels['cpu'] ?? '', max, ...set }] : [];
    })
    .sort((a, b) => b.max - a.max);
  const [worst] = broken;
  if (worst !== undefined)
    return `CPU ${worst.cpu} had a latency of ${us(worst.max)} (${worst.name}), not less than the ${us(worst.limit)} of ${worst.option}, which ends the trial`;
  const { auto, stop_irq: irq, stop_thread: thread } = options;
  const limits = [auto, irq, thread].filter((limit) => limit !== undefined);
  if (limits.length === 0 || !/^rtla timerlat hit stop tracing$|^timerlat hit stop tracing$/m.test(stdout))
    return undefined;
  return `a latency was above a limit of the trial (${limits.map(us).join(', ')}), and is not in its table`;
};

/**
 * Reads the table of `rtla timerlat hist`, the only thing it writes. A bin of `bucket` values is named by the first; it counts as
 * its last. What is beyond the bins is in the row `over:`.
 */
export const parseTimerlat = (stdout: string, options: TimerlatOptions): TimerlatResult => {
  const table = readRtlaTable(who, stdout, options);
  requireAll(table);
  const asked = { ...options, unit: options.nanoseconds ? 1 : 1000 };
  const columns = table.header.map((column, index): MeasuredHistogram => {
    const match = /^(IRQ|Thr|Usr)-(\d{1,4})$/.exec(column);
    const name = kinds[match?.[1] ?? ''];
    if (match?.[2] === undefined || name === undefined) throw nonsense(who, `a column '${column}'`);
    const labels = { cpu: String(Number(match[2])) };
    return { kind: 'histogram', name, unit: 'ns', labels, histogram: columnHistogram(table, index, asked) };
  });
  const metrics = Object.values(kinds).flatMap((kind) => columns.filter(({ name }) => name === kind));
  const breach = breachOf(metrics, options, stdout);
  return breach === undefined ? { metrics } : { metrics, breach };
};

/** Of each CPU every kind, with a sample for each period. */
export const timerlatExpected = (options: TimerlatOptions, cpus: readonly number[]): readonly Expectation[] =>
  ['thread', 'irq', ...(options.user_threads ? ['user'] : [])].flatMap((metric) =>
    cpus.map((cpu) => ({
      metric,
      labels: { cpu: String(cpu) },
      samples: Math.floor(options.duration / options.period),
    })),
  );
