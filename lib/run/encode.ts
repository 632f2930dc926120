import { Histogram } from '../measure/histogram.js';
import type { Labels, Metric } from '../measure/measurement.js';
import { reportedPercentiles, type HistogramMetric, type ResultMetric, type ValueMetric } from './result.js';

const encodeHistogram = (name: string, unit: string, labels: Labels, histogram: Histogram): HistogramMetric => {
  const { resolution, count, sum, leastSum, overflow, payload, bins } = histogram.encode();
  const percentile = (p: number): number | null => (histogram.supports(p) ? (histogram.percentile(p) ?? null) : null);
  return {
    kind: 'histogram',
    name,
    unit,
    labels: { ...labels },
    resolution,
    count,
    min: histogram.min ?? null,
    max: histogram.max ?? null,
    mean: histogram.mean ?? null,
    sum,
    ...(leastSum === undefined ? {} : { leastSum }),
    overflow: overflow.map((group) => ({ ...group })),
    percentiles: Object.fromEntries(reportedPercentiles.map((p) => [String(p), percentile(p)])),
    histogram: payload,
    ...(bins === undefined ? {} : { bins }),
  };
};

const merged = ([first, ...rest]: readonly Histogram[]): Histogram => {
  const whole = first?.clone() ?? new Histogram();
  for (const histogram of rest) whole.merge(histogram);
  return whole;
};

/** Metrics as they stand in the result: for each histogram the merge of all its label sets first, under empty labels. */
export const encodeMetrics = (metrics: readonly Metric[]): ResultMetric[] => {
  const byName = new Map<string, Extract<Metric, { kind: 'histogram' }>[]>();
  const encoded: ResultMetric[] = [];
  for (const metric of metrics) {
    if (metric.kind !== 'histogram') encoded.push({ ...metric, labels: { ...metric.labels } });
    else byName.set(metric.name, [...(byName.get(metric.name) ?? []), metric]);
  }
  for (const [name, group] of byName) {
    const unit = group[0]?.unit ?? 'ns';
    encoded.push(encodeHistogram(name, unit, {}, merged(group.map(({ histogram }) => histogram))));
    for (const { labels, histogram } of group)
      if (Object.keys(labels).length > 0) encoded.push(encodeHistogram(name, unit, labels, histogram));
  }
  return encoded;
};

/** The histogram of a result's metric, to merge or to draw. */
export const decodeHistogram = ({
  resolution,
  count,
  min,
  max,
  sum,
  leastSum,
  overflow,
  histogram,
  bins,
}: HistogramMetric): Histogram =>
  Histogram.decode({
    resolution,
    count,
    ...(min === null ? {} : { min }),
    ...(max === null ? {} : { max }),
    sum,
    ...(leastSum === undefined ? {} : { leastSum }),
    overflow,
    payload: histogram,
    ...(bins === undefined ? {} : { bins }),
  });

const key = (metric: ResultMetric): string => JSON.stringify([metric.name, Object.entries(metric.labels).sort()]);

const valuesOf = (metric: ResultMetric): readonly number[] =>
  metric.kind === 'histogram' ? [] : (metric.values ?? [metric.value]);

const mergeValues = (sample: ValueMetric, group: readonly ResultMetric[]): ValueMetric => {
  const values = group.flatMap(valuesOf);
  const sum = values.reduce((all, value) => all + value, 0);
  return sample.kind === 'counter' ? { ...sample, value: sum } : { ...sample, value: sum / values.length, values };
};

/** Merges the histograms of several trials, label set by label set; counters add up; a gauge keeps the value of each trial. */
export const mergeMetrics = (trials: readonly (readonly ResultMetric[])[]): ResultMetric[] => {
  const [first, ...rest] = trials;
  if (first === undefined || rest.length === 0) return [...(first ?? [])];
  const groups = new Map<string, ResultMetric[]>();
  for (const metric of trials.flat()) groups.set(key(metric), [...(groups.get(key(metric)) ?? []), metric]);
  return [...groups.values()].flatMap((group): ResultMetric[] => {
    const [sample] = group;
    if (sample === undefined) return [];
    if (sample.kind !== 'histogram') return [mergeValues(sample, group)];
    const parts = group.filter((metric) => metric.kind === 'histogram').map(decodeHistogram);
    return [encodeHistogram(sample.name, sample.unit, sample.labels, merged(parts))];
  });
};
