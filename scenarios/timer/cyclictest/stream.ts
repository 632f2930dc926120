import { Histogram, type Interval, type Labels, type Nanoseconds } from '../../../lib/plugin.js';
import { type CyclictestOptions, histogramOf } from './options.js';
import type { CyclictestResult } from './parse.js';
import type { WrittenInterval, WrittenSamples } from './samples.js';
import { unwritten } from './unwritten.js';

/** The intervals of one thread. What cyclictest did not write is the last that it measured, so it belongs to the last one. */
const intervalsOf = (
  labels: Labels,
  written: readonly WrittenInterval[],
  rest: Histogram,
  { stream, measured }: { readonly stream: Nanoseconds; readonly measured: Nanoseconds },
): Interval[] => {
  const last = written.at(-1) ?? { index: 0, histogram: new Histogram({ resolution: rest.resolution }).encode() };
  const completed = Histogram.decode(last.histogram).merge(rest).encode();
  const all = [...written.slice(0, -1), { index: last.index, histogram: completed }].filter(
    ({ histogram }) => histogram.count > 0,
  );
  return all.map(({ index, histogram }, position) => ({
    metric: 'latency',
    labels,
    start: index * stream,
    end: position === all.length - 1 ? measured : (index + 1) * stream,
    get histogram() {
      return Histogram.decode(histogram);
    },
  }));
};

/**
 * The result with each thread's histogram made of its samples, so that no overflow is left but of samples that were not written, and cut into
 * intervals. Count, min and max stay the tool's own.
 */
export const withSamples = (
  result: CyclictestResult,
  written: WrittenSamples,
  options: CyclictestOptions & { readonly stream: Nanoseconds },
): CyclictestResult & { readonly intervals: readonly Interval[] } => {
  const threads = result.metrics.map((metric) => {
    const number = metric.labels['thread'] ?? '';
    const total = (
      written.threads.get(Number(number)) ?? new Histogram({ resolution: metric.histogram.resolution })
    ).clone();
    const counted = {
      who: `cyclictest: thread ${number}`,
      tool: metric.histogram,
      written: total,
      limit: histogramOf(options),
    };
    const rest = unwritten(counted);
    const measured = metric.histogram.count * options.interval;
    const intervals = intervalsOf(metric.labels, written.intervals.get(Number(number)) ?? [], rest, {
      stream: options.stream,
      measured,
    });
    total.merge(rest).setExtremes(metric.histogram.min, metric.histogram.max ?? 0);
    return { metric: { ...metric, histogram: total }, intervals };
  });
  return {
    ...result,
    metrics: threads.map(({ metric }) => metric),
    intervals: threads.flatMap(({ intervals }) => intervals).sort((a, b) => a.start - b.start),
  };
};
