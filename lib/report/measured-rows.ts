import { decodeHistogram } from '../run/encode.js';
import type { Bounds } from '../measure/bounds.js';
import type { HistogramMetric, ResultMetric, ResultTest, ValueMetric } from '../run/result.js';
import { formatCount, formatNumber } from './format.js';
import type { Cell, Column } from './table.js';

const shownPercentiles = ['50', '99', '99.9', '99.99', '99.999'] as const;

/** One metric of a test, or of one trial of it. */
export interface Measured {
  readonly name: string;
  readonly metric: HistogramMetric | readonly ValueMetric[] | undefined;
}

const isValues = (metric: Measured['metric']): metric is readonly ValueMetric[] => Array.isArray(metric);

/** Histograms over all their label sets, then counters and gauges by name. */
const metricsOf = (metrics: readonly ResultMetric[]): NonNullable<Measured['metric']>[] => {
  const values = new Map<string, ValueMetric[]>();
  for (const metric of metrics)
    if (metric.kind !== 'histogram') values.set(metric.name, [...(values.get(metric.name) ?? []), metric]);
  const whole = metrics.filter((metric) => metric.kind === 'histogram');
  return [...whole.filter(({ labels }) => Object.keys(labels).length === 0), ...values.values()];
};

/** What a test measured; of a sweep, whose trials can't be merged, what each trial did. */
export const measuredBy = (test: ResultTest): Measured[] => {
  const merged = metricsOf(test.metrics).map((metric) => ({ name: test.name, metric }));
  if (merged.length > 0) return merged;
  const each = test.trials
    .filter(({ warmUp }) => !warmUp)
    .flatMap(({ parameters, metrics }) => {
      const values = Object.entries(parameters).map(([key, value]) => `${key}=${String(value)}`);
      return metricsOf(metrics).map((metric) => ({ name: [test.name, ...values].join(' '), metric }));
    });
  return each.length > 0 ? each : [{ name: test.name, metric: undefined }];
};

const empty: Cell = { text: '-' };

/** Of a sample beyond the tool's bins it is only known that it was. */
const bounded = (bounds: Bounds | undefined, unit: string): Cell => {
  if (bounds === undefined) return empty;
  const [low, high] = [formatNumber(bounds.low, unit), formatNumber(bounds.high, unit)];
  return { text: low === high ? high : `>${low}` };
};

const titled = ({ name, unit }: ResultMetric): Cell => ({
  text: unit === 'ns' || unit === 'count' || unit === 'ratio' ? name : `${name} (${unit})`,
});

const histogramCells = (metric: HistogramMetric): Cell[] => {
  const { unit, count, max, percentiles } = metric;
  const histogram = decodeHistogram(metric);
  return [
    titled(metric),
    { text: formatCount(count) },
    bounded(histogram.minBounds, unit),
    ...shownPercentiles.map((p) =>
      typeof percentiles[p] === 'number' ? bounded(histogram.percentileBounds(Number(p)), unit) : empty,
    ),
    max === null ? empty : { text: formatNumber(max, unit) },
    empty,
  ];
};

/** Counters of several label sets add up; gauges have their least and greatest, and a mean over trials that differ in nothing else. */
const valueCells = (group: readonly ValueMetric[]): Cell[] => {
  const [first] = group;
  if (first === undefined) return [];
  const { kind, unit } = first;
  const cell = (value: number): Cell => ({ text: formatNumber(value, unit) });
  const all = group.flatMap(({ value, values = [value] }) => values);
  const sum = all.reduce((total, value) => total + value, 0);
  const isSpread = kind === 'gauge' && all.length > 1;
  return [
    titled(first),
    isSpread ? { text: formatCount(all.length) } : empty,
    isSpread ? cell(Math.min(...all)) : empty,
    ...shownPercentiles.map(() => empty),
    isSpread ? cell(Math.max(...all)) : empty,
    isSpread && group.length > 1 ? empty : cell(isSpread ? sum / all.length : sum),
  ];
};

/** Without the column of values where there are none. */
export const measuredColumns = (rows: readonly Measured[]): Column[] => [
  { title: 'metric' },
  ...['count', 'min', ...shownPercentiles.map((p) => `p${p}`), 'max'].map((title): Column => ({
    title,
    align: 'right',
  })),
  ...(rows.some(({ metric }) => isValues(metric)) ? [{ title: 'value', align: 'right' } as const] : []),
];

/** The cells of {@link measuredColumns}. */
export const measuredCells = ({ metric }: Measured, columns: readonly Column[]): Cell[] => {
  const cells =
    metric === undefined ? columns.map(() => empty) : isValues(metric) ? valueCells(metric) : histogramCells(metric);
  return cells.slice(0, columns.length);
};
