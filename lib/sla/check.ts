import type { MetricDeclaration } from '../measure/measurement.js';
import { inUnit, misfit, unitOf } from './limit.js';
import { nearest } from './nearest.js';
import type { Sla } from './statistic.js';

const describe = (declarations: readonly MetricDeclaration[]): string =>
  declarations.length === 0
    ? 'the scenario measures nothing'
    : `the scenario measures ${declarations.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`;

/** Why the SLA can't be judged on what a scenario promises to measure; undefined where it can. */
export const checkSla = (sla: Sla, declarations: readonly MetricDeclaration[]): string | undefined => {
  const { statistic, metric } = sla;
  if (statistic.kind === 'duration') return inUnit(sla.limit, 'ns') === undefined ? misfit(sla.limit, 'ns') : undefined;
  const declared =
    metric === undefined
      ? declarations.find(({ kind }) => kind === 'histogram')
      : declarations.find(({ name }) => name === metric);
  if (declared === undefined) {
    if (metric === undefined)
      return `no histogram is measured that '${sla.expression}' could mean: ${describe(declarations)}`;
    const words = [
      ...declarations.map(({ name }) => name),
      ...(statistic.kind === 'value' ? ['min', 'mean', 'max', 'count', 'samples', 'duration'] : []),
    ];
    const meant = nearest(metric, words);
    return `nothing called '${metric}' is measured: ${meant === undefined ? describe(declarations) : `did you mean '${meant}'?`}`;
  }
  if (declared.kind === 'histogram' && statistic.kind === 'value')
    return `'${declared.name}' is a histogram: name a statistic of it, such as ${declared.name}.max or ${declared.name}.p99.99`;
  if (declared.kind !== 'histogram' && statistic.kind !== 'value')
    return `'${declared.name}' is a ${declared.kind}, which has no ${statistic.kind}: write '${declared.name} ${sla.operator} ...'`;
  if ('above' in statistic && inUnit(statistic.above, declared.unit) === undefined)
    return misfit(statistic.above, declared.unit);
  const unit = unitOf(statistic, declared.unit);
  return inUnit(sla.limit, unit) === undefined ? misfit(sla.limit, unit) : undefined;
};
