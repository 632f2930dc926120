import type { Histogram } from '../measure/histogram.js';
import type { Measurement, Metric, MetricDeclaration } from '../measure/measurement.js';
import type { Unit } from '../measure/units.js';
import { inUnit, misfit, unitOf } from './limit.js';
import type { Operator, Sla, Statistic } from './statistic.js';

export interface Judgement {
  readonly expression: string;
  /** In `unit`; undefined where the data do not support a value. */
  readonly observed: number | undefined;
  readonly unit: Unit;
  readonly verdict: 'pass' | 'warn' | 'fail' | 'no-data';
  /** Why it is not `pass`. */
  readonly reason?: string;
}

type Observation = { readonly value: number } | { readonly missing: string };

const meets: Readonly<Record<Operator, (value: number, limit: number) => boolean>> = {
  '<=': (value, limit) => value <= limit,
  '<': (value, limit) => value < limit,
  '>=': (value, limit) => value >= limit,
  '>': (value, limit) => value > limit,
  '==': (value, limit) => value === limit,
};

const times = [
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
] as const;

/** For a reason: `23.1us`, `0.2%`, `17`. */
const readable = (value: number, unit: Unit): string => {
  const rounded = (number: number): string => String(Number(number.toPrecision(6)));
  if (unit === 'count' || unit === 'packets') return String(value);
  if (unit === 'ratio') return `${rounded(value * 100)}%`;
  const [name, factor] = (unit === 'ns' ? times.find(([, size]) => value >= size) : undefined) ?? [unit, 1];
  return `${rounded(value / factor)}${name}`;
};

/** Over the merge of all label sets, without making the merged histogram where sums will do. */
const ofHistograms = (parts: readonly Histogram[], unit: Unit, statistic: Statistic): Observation => {
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  if (count === 0) return { missing: 'zero samples' };
  const filled = parts.filter((part) => part.count > 0);
  switch (statistic.kind) {
    case 'count':
      return { value: count };
    case 'min':
      return { value: Math.min(...filled.map((part) => part.min ?? Infinity)) };
    case 'max':
      return { value: Math.max(...filled.map((part) => part.max ?? -Infinity)) };
    case 'mean':
      return { value: filled.reduce((sum, part) => sum + part.sum, 0) / count };
    case 'over':
    case 'share_over': {
      const above = inUnit(statistic.above, unit);
      if (above === undefined) return { missing: misfit(statistic.above, unit) };
      const over = filled.reduce((sum, part) => sum + part.countOver(above), 0);
      return { value: statistic.kind === 'over' ? over : over / count };
    }
    case 'percentile': {
      if (count < statistic.needs)
        return {
          missing: `p${String(statistic.percentile)} is not supported by the data: ${String(count)} samples, ${String(statistic.needs)} needed`,
        };
      const [first, ...rest] = filled;
      const merged = rest.length === 0 ? first : first?.clone();
      for (const part of rest) merged?.merge(part);
      return { value: merged?.percentile(statistic.percentile) ?? NaN };
    }
    default:
      return { missing: `a histogram has no ${statistic.kind}` };
  }
};

/** Counters of several label sets add up; of gauges the one furthest from the limit counts. */
const ofValues = (
  metrics: readonly Extract<Metric, { value: number }>[],
  operator: Operator,
  limit: number,
): Observation => {
  const values = metrics.map(({ value }) => value);
  if (!values.every(Number.isFinite)) return { missing: 'its value is no number' };
  if (metrics[0]?.kind === 'counter') return { value: values.reduce((sum, value) => sum + value, 0) };
  if (operator === '==') return { value: values.find((value) => value !== limit) ?? limit };
  return { value: operator.startsWith('<') ? Math.max(...values) : Math.min(...values) };
};

const observe = (sla: Sla, metrics: readonly Metric[], unit: Unit, limit: number): Observation => {
  if (sla.statistic.kind === 'value') {
    const values = metrics.filter((metric) => metric.kind !== 'histogram');
    return values.length === metrics.length
      ? ofValues(values, sla.operator, limit)
      : { missing: 'a histogram has no single value' };
  }
  const histograms = metrics.filter((metric) => metric.kind === 'histogram');
  if (histograms.length !== metrics.length) return { missing: `no histogram, so it has no ${sla.statistic.kind}` };
  return ofHistograms(
    histograms.map(({ histogram }) => histogram),
    unit,
    sla.statistic,
  );
};

/**
 * Judges one trial. What the data do not support is `no-data`, never a pass. `declarations` say which histogram an SLA
 * without a metric name means; without them it is the first that was measured.
 */
export const judge = (
  sla: Sla,
  measurement: Measurement,
  declarations: readonly MetricDeclaration[] = [],
): Judgement => {
  const { expression, statistic, operator } = sla;
  const first =
    declarations.find(({ kind }) => kind === 'histogram') ??
    measurement.metrics.find(({ kind }) => kind === 'histogram');
  const name = sla.metric ?? first?.name;
  const metrics = measurement.metrics.filter((metric) => metric.name === name);
  const base =
    statistic.kind === 'duration'
      ? 'ns'
      : (metrics[0]?.unit ?? declarations.find((known) => known.name === name)?.unit ?? 'count');
  const unit = unitOf(statistic, base);
  const noData = (reason: string): Judgement => ({ expression, observed: undefined, unit, verdict: 'no-data', reason });
  const limit = inUnit(sla.limit, unit);
  if (statistic.kind !== 'duration' && metrics.length === 0)
    return noData(name === undefined ? 'no histogram was measured' : `'${name}' was not measured`);
  if (limit === undefined) return noData(misfit(sla.limit, unit));
  const observed = statistic.kind === 'duration' ? { value: measurement.duration } : observe(sla, metrics, base, limit);
  if ('missing' in observed) return noData(observed.missing);
  if (!Number.isFinite(observed.value)) return noData('the value is no number');
  if (meets[operator](observed.value, limit)) return { expression, observed: observed.value, unit, verdict: 'pass' };
  return {
    expression,
    observed: observed.value,
    unit,
    verdict: sla.severity,
    reason: `${readable(observed.value, unit)} observed`,
  };
};
