import type { Expectation, MeasuredHistogram } from '../../../lib/plugin.js';
import { columnHistogram } from '../rtla-histogram.js';
import { readRtlaTable } from '../rtla-table.js';
import { nonsense } from '../thread-histogram.js';
import type { OsnoiseOptions } from './options.js';

const who = 'rtla osnoise';

export interface OsnoiseResult {
  readonly metrics: readonly MeasuredHistogram[];
  readonly breach?: string;
}

const us = (ns: number): string => `${String(ns / 1000)} us`;

/** Decided by the numbers, as far as there are any: rtla does not tell of a stop in the last second. */
const breachOf = (
  metrics: readonly MeasuredHistogram[],
  { stop, auto }: OsnoiseOptions,
  stdout: string,
): string | undefined => {
  const limit = stop ?? auto;
  if (limit === undefined) return undefined;
  const worst = metrics.toSorted((a, b) => (b.histogram.max ?? 0) - (a.histogram.max ?? 0))[0];
  const max = worst?.histogram.max ?? 0;
  if (max >= limit)
    return `CPU ${worst?.labels['cpu'] ?? ''} had a noise of ${us(max)}, not less than the ${us(limit)} of ${stop === undefined ? 'auto' : 'stop'}, which ends the trial`;
  return /^(?:rtla )?osnoise hit stop tracing$/m.test(stdout)
    ? `a noise was above the ${us(limit)} of the trial, and is not in its table`
    : undefined;
};

/** Where nothing at all was as long as the threshold rtla names no CPU. */
const silent = /^Index[ \t]*$/m;

/** Reads the table of `rtla osnoise hist`: a bin of 1 us is named by its lower edge, as everything is rounded down. */
export const parseOsnoise = (stdout: string, options: OsnoiseOptions): OsnoiseResult => {
  if (silent.test(stdout)) {
    const breach = breachOf([], options, stdout);
    return { metrics: [], ...(breach === undefined ? {} : { breach }) };
  }
  const asked = { nanoseconds: false, bucket: 1, entries: options.entries, unit: 1000 };
  const table = readRtlaTable(who, stdout, asked);
  const metrics = table.header.map((column, index): MeasuredHistogram => {
    const cpu = /^CPU-(\d{1,4})$/.exec(column)?.[1];
    if (cpu === undefined) throw nonsense(who, `a column '${column}'`);
    // A CPU has a column for its samples only; from 6.10 on the sums are 0 where none of them is in a bin.
    if (table.summary.count[index] === 0)
      throw nonsense(who, `${column} has a column and no samples: all are beyond its ${String(options.entries)} bins`);
    const labels = { cpu: String(Number(cpu)) };
    return {
      kind: 'histogram',
      name: 'noise',
      unit: 'ns',
      labels,
      histogram: columnHistogram(table, index, asked),
    };
  });
  const breach = breachOf(metrics, options, stdout);
  return { metrics, ...(breach === undefined ? {} : { breach }) };
};

/** Of each CPU some noise: how much there is nobody knows before. */
export const osnoiseExpected = (cpus: readonly number[]): readonly Expectation[] =>
  cpus.map((cpu) => ({ metric: 'noise', labels: { cpu: String(cpu) } }));

/** Why a CPU without noise is no data. */
export const silentCpus = ({ metrics, breach }: OsnoiseResult, cpus: readonly number[]): readonly string[] => {
  const seen = new Set(metrics.map(({ labels }) => labels['cpu']));
  const silentOnes = cpus.filter((cpu) => !seen.has(String(cpu)));
  return silentOnes.length === 0 || breach !== undefined
    ? []
    : [
        `CPU ${silentOnes.join(', ')}: no noise as long as the threshold, or its thread never ran: rtla does not tell which, a lower threshold does`,
      ];
};
