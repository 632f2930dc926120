import { Histogram, type Metric, type Nanoseconds, z } from '../../../lib/plugin.js';
import { readResult, toolHistogram } from '../result-json.js';
import { nonsense, threadHistogram } from '../thread-histogram.js';
import type { OslatOptions } from './options.js';

const threadSchema = z.object({
  cpu: z.int().min(0),
  min: z.number(),
  avg: z.number().nullable(),
  max: z.number(),
  /** Seconds. */
  duration: z.number().positive(),
  histogram: toolHistogram,
  count: z.int().min(0).optional(),
});

export interface OslatResult {
  readonly version: string;
  readonly metrics: readonly Metric[];
  readonly duration: Nanoseconds;
  readonly breach?: string;
  /** Worth a word: how it rounds. */
  readonly rounding?: string;
}

const us = 1000;

/**
 * Whether this oslat rounds down, as from 2.7 on, so that a loop below 1 us takes 0: the version has two digits after the point, and `2.10`
 * is 2.1 and 2.10.
 */
export const roundsDown = (version: string, threads: readonly { readonly min: number }[], newer: boolean): boolean => {
  if (threads.some(({ min }) => min === 0)) return true;
  if (version === '2.10') return newer;
  return Number(version) >= 2.7;
};

/** What oslat took off every loop before it put it into a bin, in us: it says so on stdout only. */
const biasOf = (stdout: string): number | undefined => {
  const found = /^Global bias set to (\d{1,9}) \(us\)$/m.exec(stdout)?.[1];
  return found === undefined ? undefined : Number(found);
};

const breachText = (cpu: string | undefined, latency: string, threshold: string): string =>
  `${cpu === undefined ? 'a CPU' : `CPU ${cpu}`} was interrupted for ${latency} us, not less than the ${threshold} us of trace_threshold`;

/** A result with an interruption of `trace_threshold` is a breach, whatever oslat says of it. */
const breachOf = (
  threads: readonly { readonly cpu: number; readonly max: number }[],
  { trace_threshold: threshold }: OslatOptions,
): { readonly breach?: string } => {
  if (threshold === undefined) return {};
  const [worst] = threads.filter(({ max }) => max * us >= threshold).sort((a, b) => b.max - a.max);
  return worst === undefined
    ? {}
    : { breach: breachText(String(worst.cpu), String(worst.max), String(threshold / us)) };
};

/**
 * Reads what `oslat --json` wrote. It rounds up to whole us, or from 2.7 on down; a bin's name is its upper edge. The last bin has all that is
 * longer too, so it is overflow from its edge on, unless max says that nothing is longer. Under `bias` the first bin has all shorter ones too.
 * `newer`: whether the help of this oslat names --bucket-width, which 2.1 does not have.
 */
export const parseOslat = (json: string, stdout: string, options: OslatOptions, newer = false): OslatResult => {
  const { version, threads } = readResult('oslat', json, threadSchema);
  const floors = roundsDown(
    version,
    threads.map(({ thread }) => thread),
    newer,
  );
  const bias = options.bias ? biasOf(stdout) : 0;
  if (bias === undefined) throw nonsense('oslat', 'it did not say which bias it used');
  const lastEdge = (bias + options.buckets) * us;
  const firstEdge = (bias + 1) * us;
  const metrics = threads.map(({ index, thread }): Metric => {
    const who = `oslat: CPU ${String(thread.cpu)}`;
    const bins = new Map(Object.entries(thread.histogram).map(([edge, samples]) => [Number(edge) * us, samples]));
    const count = [...bins.values()].reduce((sum, samples) => sum + samples, 0);
    if (count === 0) throw nonsense(who, 'not one loop in its histogram');
    if (thread.count !== undefined && thread.count !== count)
      throw nonsense(who, `${String(count)} samples in its bins, but ${String(thread.count)} in all`);
    for (const edge of bins.keys())
      if (edge > lastEdge || edge < firstEdge)
        throw nonsense(who, `a bin of ${String(edge / us)} us, which was not asked for`);
    if (thread.avg === null) throw nonsense(who, 'a mean that is no number');
    const overflow = thread.max * us > lastEdge - (floors ? us : 0) ? (bins.get(lastEdge) ?? 0) : 0;
    if (overflow > 0) bins.delete(lastEdge);
    const histogram = threadHistogram({
      who,
      resolution: us,
      bins,
      // From 2.5 on a bin's name is 1 us above what 2.4 calls it.
      width: (edge) => (edge <= firstEdge + us ? edge : 2 * us),
      count,
      min: thread.min * us,
      max: thread.max * us,
      floors,
      overflowFrom: lastEdge,
      // Six decimals; up to 2.4 whatever is beyond the bins counts as 1 us less than it was.
      mean: { value: thread.avg * us + (overflow / count) * us, error: (1e-6 + overflow / count) * us },
    });
    return {
      kind: 'histogram',
      name: 'latency',
      unit: 'ns',
      labels: { thread: index, cpu: String(thread.cpu) },
      histogram,
    };
  });
  const duration = Math.round(Math.min(...threads.map(({ thread }) => thread.duration)) * 1e9);
  return {
    version,
    metrics,
    duration,
    ...(floors ? { rounding: 'this oslat rounds min and max down: both may be up to 1 us more' } : {}),
    ...breachOf(
      threads.map(({ thread }) => thread),
      options,
    ),
  };
};

// Without the CPU up to 2.3; from 2.5 on us may have a fraction.
const triggered =
  /\boslat: Trace threshold \((\d{1,9}) us\) triggered (?:on cpu (\d{1,4}) )?with (\d{1,9})(?:\.\d{1,9})? us!/gm;

/**
 * What oslat says when `trace_threshold` stopped it: nothing but the interruptions that did; undefined where it was not that. `cpus`: those
 * that were measured, for an oslat that does not say which it was.
 */
export const parseOslatBreach = (
  stderr: string,
  cpus: readonly number[] = [],
): { readonly metrics: readonly Metric[]; readonly breach: string } | undefined => {
  const only = cpus.length === 1 ? String(cpus[0]) : undefined;
  const hits = [...stderr.matchAll(triggered)].map(([, threshold = '', cpu = only, latency = '']) => ({
    threshold,
    cpu,
    latency,
  }));
  const [first] = hits;
  if (first === undefined) return undefined;
  const metrics = hits.map(({ cpu, latency }, index): Metric => {
    const histogram = new Histogram({ resolution: us });
    histogram.record(Math.min(Number(latency) * us, 3600e9));
    const labels = { thread: String(index), ...(cpu === undefined ? {} : { cpu }) };
    return { kind: 'histogram', name: 'latency', unit: 'ns', labels, histogram };
  });
  return { metrics, breach: breachText(first.cpu, first.latency, first.threshold) };
};
