import type { Histogram } from '../measure/histogram.js';
import type { Metric } from '../measure/measurement.js';
import { compare, ratioOf, type Ratio } from '../measure/ratio.js';
import { standardDeviation } from '../measure/standard-deviation.js';
import type { Unit } from '../measure/units.js';
import { inUnit, misfit } from './limit.js';
import type { Operator, Statistic } from './statistic.js';

/** What was observed, exactly, or between what it lies; or why that can't be told. */
export type Observation = { readonly low: Ratio; readonly high: Ratio } | { readonly missing: string };

const known = (value: number): Observation => between(value, value);
const between = (low: number, high: number): Observation => ({ low: ratioOf(low), high: ratioOf(high) });

const sumOf = (parts: readonly Histogram[], of: (part: Histogram) => number): number =>
  parts.reduce((sum, part) => sum + of(part), 0);

const meanOf = (parts: readonly Histogram[], count: number): Observation => {
  const sum = (side: 'low' | 'high'): Ratio => ({
    numerator: parts.reduce((all, part) => all + part.sumBounds[side], 0n),
    denominator: BigInt(count),
  });
  return { low: sum('low'), high: sum('high') };
};

const overOf = (
  parts: readonly Histogram[],
  unit: Unit,
  { kind, above }: Extract<Statistic, { kind: 'over' | 'share_over' }>,
  count: number,
): Observation => {
  const limit = inUnit(above, unit);
  if (limit === undefined) return { missing: misfit(above, unit) };
  const bounds = parts.map((part) => part.overBounds(Number(limit.numerator) / Number(limit.denominator)));
  const total = (side: 'low' | 'high'): Ratio => ({
    numerator: BigInt(bounds.reduce((sum, one) => sum + one[side], 0)),
    denominator: BigInt(kind === 'over' ? 1 : count),
  });
  return { low: total('low'), high: total('high') };
};

const percentileOf = (
  parts: readonly Histogram[],
  { percentile, needs }: Extract<Statistic, { kind: 'percentile' }>,
  count: number,
): Observation => {
  if (count < needs)
    return {
      missing: `p${String(percentile)} is not supported by the data: ${String(count)} samples, ${String(needs)} needed`,
    };
  const [first, ...rest] = parts;
  const merged = rest.length === 0 ? first : first?.clone();
  for (const part of rest) merged?.merge(part);
  const { low, high } = merged?.percentileBounds(percentile) ?? { low: 0, high: 0 };
  return between(low, high);
};

const deviationOf = (parts: readonly Histogram[], count: number): Observation => {
  const deviation = standardDeviation(parts);
  if (deviation !== undefined) return known(deviation);
  return {
    missing:
      count < 2
        ? 'one sample has no standard deviation'
        : 'the standard deviation is not known: samples lie beyond the bins',
  };
};

/** Over the merge of all label sets, without making the merged histogram where sums will do. */
export const ofHistograms = (all: readonly Histogram[], unit: Unit, statistic: Statistic): Observation => {
  const count = sumOf(all, (part) => part.count);
  if (count === 0) return { missing: 'zero samples' };
  const parts = all.filter((part) => part.count > 0);
  const least = (side: 'low' | 'high'): number => Math.min(...parts.map((part) => part.minBounds?.[side] ?? Infinity));
  const max = Math.max(...parts.map((part) => part.max ?? -Infinity));
  switch (statistic.kind) {
    case 'count':
      return known(count);
    case 'min':
      return between(least('low'), least('high'));
    case 'max':
      return known(max);
    case 'range':
      return between(max - least('high'), max - least('low'));
    case 'mean':
      return meanOf(parts, count);
    case 'stddev':
      return deviationOf(parts, count);
    case 'over':
    case 'share_over':
      return overOf(parts, unit, statistic, count);
    case 'percentile':
      return percentileOf(parts, statistic, count);
    default:
      return { missing: `a histogram has no ${statistic.kind}` };
  }
};

/** Counters of several label sets add up; of gauges the one furthest from the limit counts. */
export const ofValues = (
  metrics: readonly Extract<Metric, { value: number }>[],
  operator: Operator,
  limit: Ratio,
): Observation => {
  const values = metrics.map(({ value }) => value);
  if (!values.every(Number.isFinite)) return { missing: 'its value is no number' };
  if (metrics[0]?.kind === 'counter') return known(values.reduce((sum, value) => sum + value, 0));
  if (operator === '==') {
    const other = values.map(ratioOf).find((value) => compare(value, limit) !== 0) ?? limit;
    return { low: other, high: other };
  }
  return known(operator.startsWith('<') ? Math.max(...values) : Math.min(...values));
};
