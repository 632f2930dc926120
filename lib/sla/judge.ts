import type { Bounds } from '../measure/bounds.js';
import { exactRange } from '../measure/exact-text.js';
import type { Measurement, Metric, MetricDeclaration } from '../measure/measurement.js';
import { compare, ratioOf, toNumber, type Ratio } from '../measure/ratio.js';
import type { Unit } from '../measure/units.js';
import { select } from './labels.js';
import { inUnit, isAveraged, misfit, unitOf } from './limit.js';
import { asMetric } from './metric-word.js';
import { ofHistograms, ofValues, type Observation } from './observe.js';
import type { Operator, Sla } from './statistic.js';

export interface Judgement {
  readonly expression: string;
  /** In `unit`; the worse end of `bounds` where there are some; undefined where the data do not support a value. */
  readonly observed: number | undefined;
  /** Where what was observed is not known exactly: between what it lies. */
  readonly bounds?: Bounds;
  readonly unit: Unit;
  readonly verdict: 'pass' | 'warn' | 'fail' | 'no-data';
  /** Why it is not `pass`. */
  readonly reason?: string;
}

const meets: Readonly<Record<Operator, (order: number) => boolean>> = {
  '<=': (order) => order <= 0,
  '<': (order) => order < 0,
  '>=': (order) => order >= 0,
  '>': (order) => order > 0,
  '==': (order) => order === 0,
};

const observe = (sla: Sla, metrics: readonly Metric[], unit: Unit, limit: Ratio): Observation => {
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

/** The end of the bounds that is further from the limit. */
const worseEnd = (low: Ratio, high: Ratio, operator: Operator, limit: Ratio): Ratio => {
  if (operator === '==') return compare(low, limit) === 0 ? high : low;
  return operator.startsWith('<') ? high : low;
};

/** Whether a value between the bounds could meet the limit. */
const mayMeet = (low: Ratio, high: Ratio, operator: Operator, limit: Ratio): boolean =>
  operator === '=='
    ? compare(low, limit) <= 0 && compare(high, limit) >= 0
    : meets[operator](compare(operator.startsWith('<') ? low : high, limit));

interface Meant {
  readonly sla: Sla;
  readonly name: string | undefined;
  /** Of all label sets. */
  readonly metrics: readonly Metric[];
  /** Of the metric. */
  readonly base: Unit;
}

const meantBy = (written: Sla, { metrics }: Measurement, declarations: readonly MetricDeclaration[]): Meant => {
  const sla = asMetric(written, declarations.length > 0 ? declarations : metrics);
  const isHistogram = ({ kind }: Pick<Metric, 'kind'>): boolean => kind === 'histogram';
  const name = sla.metric ?? (declarations.find(isHistogram) ?? metrics.find(isHistogram))?.name;
  const named = metrics.filter((metric) => metric.name === name);
  const unit = named[0]?.unit ?? declarations.find((known) => known.name === name)?.unit ?? 'count';
  return { sla, name, metrics: named, base: sla.statistic.kind === 'duration' ? 'ns' : unit };
};

const observed = ({ sla, name, metrics, base }: Meant, limit: Ratio, duration: number): Observation => {
  if (sla.statistic.kind === 'duration')
    return Number.isFinite(duration) ? { low: ratioOf(duration), high: ratioOf(duration) } : { missing: 'no duration' };
  if (metrics.length === 0)
    return { missing: name === undefined ? 'no histogram was measured' : `'${name}' was not measured` };
  const { chosen, missing } = select(metrics, sla.labels);
  return missing.length > 0
    ? { missing: `'${name ?? ''}' was not measured with ${missing.join(', ')}` }
    : observe(sla, chosen, base, limit);
};

/**
 * Judges one trial. What the data do not support is `no-data`, never a pass; of what is only bounded the worse end must meet the limit.
 * `declarations` say which histogram an SLA without a metric name means; without them it is the first that was measured.
 */
export const judge = (
  written: Sla,
  measurement: Measurement,
  declarations: readonly MetricDeclaration[] = [],
): Judgement => {
  const meant = meantBy(written, measurement, declarations);
  const { expression, statistic, operator, severity, limit: asWritten } = meant.sla;
  const unit = unitOf(statistic, meant.base);
  const noData = (reason: string): Judgement => ({ expression, observed: undefined, unit, verdict: 'no-data', reason });
  const limit = inUnit(asWritten, unit, isAveraged(statistic));
  const observation = observed(meant, limit ?? ratioOf(0), measurement.duration);
  if ('missing' in observation) return noData(observation.missing);
  if (limit === undefined) return noData(misfit(asWritten, unit));
  const { low, high } = observation;
  const worse = worseEnd(low, high, operator, limit);
  const bounds = { low: toNumber(low), high: toNumber(high) };
  const isBounded = compare(low, high) !== 0;
  const seen = { expression, observed: toNumber(worse), ...(isBounded ? { bounds } : {}), unit };
  if (meets[operator](compare(worse, limit))) return { ...seen, verdict: 'pass' };
  const range = exactRange(bounds, unit);
  const reason =
    isBounded && mayMeet(low, high, operator, limit)
      ? `${range} observed: of samples beyond the bins no more is known, so the worst of that is judged`
      : `${range} observed`;
  return { ...seen, verdict: severity, reason };
};
