import type { MetricKind } from '../measure/measurement.js';
import type { Sla } from './statistic.js';
import { mayBeMetric } from './words.js';

/** The SLA, where its statistic is a word that a plug-in has a counter or gauge of: `avg <= 5` limits the gauge `avg` then. */
export const asMetric = (sla: Sla, metrics: readonly { readonly name: string; readonly kind: MetricKind }[]): Sla => {
  const word = /^[a-z]+/.exec(sla.expression)?.[0] ?? '';
  if (sla.metric !== undefined || !mayBeMetric(word)) return sla;
  const own = metrics.some(({ name, kind }) => name === word && kind !== 'histogram');
  return own ? { ...sla, metric: word, statistic: { kind: 'value' } } : sla;
};
