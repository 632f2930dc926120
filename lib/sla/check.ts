import type { MetricDeclaration } from '../measure/measurement.js';
import { inUnit, isAveraged, misfit, unitOf } from './limit.js';
import { asMetric } from './metric-word.js';
import { nearest } from './nearest.js';
import type { Sla } from './statistic.js';
import { meantBy, statisticWords } from './words.js';

const describe = (declarations: readonly MetricDeclaration[]): string =>
  declarations.length === 0
    ? 'the scenario measures nothing'
    : `the scenario measures ${declarations.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`;

export interface SlaProblem {
  readonly message: string;
  readonly hint?: string;
}

const guess = (meant: string): string => `did you mean '${meant}'?`;

/** Why a label that the SLA selects is none of the metric's; undefined where it may be one. */
const checkLabels = ({ labels = {} }: Sla, { name, labels: known }: MetricDeclaration): SlaProblem | undefined => {
  if (known === undefined) return undefined;
  for (const [label, values] of Object.entries(labels)) {
    const possible = Object.hasOwn(known, label) ? known[label] : undefined;
    if (possible === undefined) {
      const meant = nearest(label, Object.keys(known));
      const all = Object.keys(known).join(', ');
      const message = `'${name}' has no label '${label}'`;
      if (meant !== undefined) return { message, hint: guess(meant) };
      return { message: `${message}: ${all === '' ? 'it has none' : `it has ${all}`}` };
    }
    if (possible === 'any') continue;
    const strange = values.find((value) => !possible.includes(value));
    if (strange !== undefined)
      return {
        message: `'${name}' is not measured with ${label}=${strange}: it is with ${label}=${possible.join(',')}`,
      };
  }
  return undefined;
};

/** Why the SLA can't be judged on what a scenario promises to measure; undefined where it can. */
export const checkSla = (sla: Sla, declarations: readonly MetricDeclaration[]): SlaProblem | undefined => {
  const problem = problemOf(sla, declarations);
  return typeof problem === 'string' ? { message: problem } : problem;
};

const problemOf = (written: Sla, declarations: readonly MetricDeclaration[]): string | SlaProblem | undefined => {
  const sla = asMetric(written, declarations);
  const { statistic, metric } = sla;
  if (statistic.kind === 'duration') return inUnit(sla.limit, 'ns') === undefined ? misfit(sla.limit, 'ns') : undefined;
  const declared =
    metric === undefined
      ? declarations.find(({ kind }) => kind === 'histogram')
      : declarations.find(({ name }) => name === metric);
  if (declared === undefined) {
    if (metric === undefined)
      return `no histogram is measured that '${sla.expression}' could mean: ${describe(declarations)}`;
    const words = [...declarations.map(({ name }) => name), ...(statistic.kind === 'value' ? statisticWords : [])];
    const meant = (statistic.kind === 'value' ? meantBy(metric) : undefined) ?? nearest(metric, words);
    const message = `nothing called '${metric}' is measured`;
    return meant === undefined ? `${message}: ${describe(declarations)}` : { message, hint: guess(meant) };
  }
  if (declared.kind === 'histogram' && statistic.kind === 'value')
    return `'${declared.name}' is a histogram: name a statistic of it, such as ${declared.name}.max or ${declared.name}.p99.99`;
  if (declared.kind !== 'histogram' && statistic.kind !== 'value')
    return `'${declared.name}' is a ${declared.kind}, which has no ${statistic.kind}: write '${declared.name} ${sla.operator} ...'`;
  if ('above' in statistic && inUnit(statistic.above, declared.unit) === undefined)
    return misfit(statistic.above, declared.unit);
  const unit = unitOf(statistic, declared.unit);
  if (inUnit(sla.limit, unit, isAveraged(statistic)) === undefined) return misfit(sla.limit, unit);
  return checkLabels(sla, declared);
};
