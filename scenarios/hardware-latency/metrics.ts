import type { Metric, MetricDeclaration } from '../../lib/plugin.js';

/** In the order in which they are shown. A machine without any gap has values too: no histogram could say so. */
export const declarations: readonly MetricDeclaration[] = [
  {
    name: 'gaps',
    kind: 'counter',
    unit: 'count',
    description: 'Times that a CPU was stopped for the threshold or longer',
  },
  { name: 'longest', kind: 'gauge', unit: 'ns', description: 'The longest of them; 0 where there was none' },
  { name: 'watched', kind: 'counter', unit: 'ns', description: 'For how long the CPUs were looked at, added up' },
];

/** Of one CPU, in the units of the declarations. */
export const metricsOf = (
  cpu: number,
  { gaps, longest, watched }: { readonly gaps: number; readonly longest: number; readonly watched: number },
): readonly Metric[] => {
  const labels = { cpu: String(cpu) };
  return [
    { kind: 'counter', name: 'gaps', unit: 'count', labels, value: gaps },
    { kind: 'gauge', name: 'longest', unit: 'ns', labels, value: longest },
    { kind: 'counter', name: 'watched', unit: 'ns', labels, value: watched },
  ];
};
