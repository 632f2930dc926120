import type { MetricDeclaration } from '../measure/measurement.js';
import { inUnit, isAveraged, misfit, unitOf } from './limit.js';
import { asMetric } from './metric-word.js';
import { nearest } from './nearest.js';
import type { Sla } from './statistic.js';
import { meantBy, statisticWords } from './words.js';

/** Why an SLA can't be judged. */
export interface SlaProblem {
  readonly message: string;
  /** What was probably meant, or what there is. */
  readonly hint?: string;
}

const mistake = (message: string, meant?: string): SlaProblem =>
  meant === undefined ? { message } : { message, hint: `did you mean '${meant}'?` };

const describe = (declarations: readonly MetricDeclaration[]): string =>
  declarations.length === 0
    ? 'the scenario measures nothing'
    : `the scenario measures ${declarations.map(({ name, kind }) => `${name} (${kind})`).join(', ')}`;

const mostShown = 16;

/** Why a label that the SLA selects is none of the metric's; undefined where it may be one. */
const checkLabels = ({ labels = {} }: Sla, { name, labels: known }: MetricDeclaration): SlaProblem | undefined => {
  if (known === undefined) return undefined;
  for (const [label, values] of Object.entries(labels)) {
    const possible = Object.hasOwn(known, label) ? known[label] : undefined;
    if (possible === undefined) {
      const all = Object.keys(known).join(', ');
      const message = `'${name}' has no label '${label}': it has ${all === '' ? 'none' : all}`;
      return mistake(message, nearest(label, Object.keys(known)));
    }
    if (possible === 'any') continue;
    const strange = values.find((value) => !possible.includes(value));
    if (strange === undefined) continue;
    const some = possible.slice(0, mostShown).join(',') + (possible.length > mostShown ? ' ...' : '');
    return mistake(`'${name}' is not measured with ${label}=${strange}: it is with ${label}=${some}`);
  }
  return undefined;
};

const unknownMetric = (name: string, { statistic }: Sla, declarations: readonly MetricDeclaration[]): SlaProblem => {
  const isAlone = statistic.kind === 'value';
  const words = [...declarations.map((known) => known.name), ...(isAlone ? statisticWords : [])];
  const meant = (isAlone ? meantBy(name) : undefined) ?? nearest(name, words);
  const message = `nothing called '${name}' is measured`;
  return meant === undefined ? mistake(`${message}: ${describe(declarations)}`) : mistake(message, meant);
};

/** Why the SLA can't be judged on what a scenario promises to measure; undefined where it can. */
export const checkSla = (written: Sla, declarations: readonly MetricDeclaration[]): SlaProblem | undefined => {
  const sla = asMetric(written, declarations);
  const { statistic, metric } = sla;
  if (statistic.kind === 'duration')
    return inUnit(sla.limit, 'ns') === undefined ? mistake(misfit(sla.limit, 'ns')) : undefined;
  const declared =
    metric === undefined
      ? declarations.find(({ kind }) => kind === 'histogram')
      : declarations.find(({ name }) => name === metric);
  if (declared === undefined) {
    if (metric !== undefined) return unknownMetric(metric, sla, declarations);
    return mistake(`no histogram is measured that '${sla.expression}' could mean: ${describe(declarations)}`);
  }
  const { name, kind } = declared;
  if (kind === 'histogram' && statistic.kind === 'value')
    return mistake(`'${name}' is a histogram: name a statistic of it, such as ${name}.max or ${name}.p99.99`);
  if (kind !== 'histogram' && statistic.kind !== 'value')
    return mistake(`'${name}' is a ${kind}, which has no ${statistic.kind}: write '${name} ${sla.operator} ...'`);
  if ('above' in statistic && inUnit(statistic.above, declared.unit) === undefined)
    return mistake(misfit(statistic.above, declared.unit));
  const unit = unitOf(statistic, declared.unit);
  if (inUnit(sla.limit, unit, isAveraged(statistic)) === undefined) return mistake(misfit(sla.limit, unit));
  return checkLabels(sla, declared);
};
