import type { MetricDeclaration } from '../../lib/measure/measurement.js';
import { checkSla, type Sla } from '../../lib/sla/sla.js';

/** Why an SLA can't be judged, with its hint, in one line. */
export const whyNot = (sla: Sla, declarations: readonly MetricDeclaration[]): string | undefined => {
  const mistake = checkSla(sla, declarations);
  if (mistake === undefined) return undefined;
  return mistake.hint === undefined ? mistake.message : `${mistake.message}: ${mistake.hint}`;
};
