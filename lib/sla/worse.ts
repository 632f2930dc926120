import { ratioOf, toNumber } from '../measure/ratio.js';
import type { Unit } from '../measure/units.js';
import { inUnit } from './limit.js';
import { parseSla } from './parse.js';
import { verdicts, type Verdict } from './verdict.js';

/** What of an outcome says how bad it is. */
interface Outcome {
  readonly expression: string;
  readonly observed: number | null;
  readonly unit: string;
  readonly verdict: Verdict;
}

/** Greater is further on the wrong side of the limit. */
const badness = (observed: number, { expression, unit }: Outcome): number => {
  const parsed = parseSla(expression);
  if (!parsed.ok) return 0;
  const { operator, limit } = parsed.sla;
  if (operator === '==') return Math.abs(observed - toNumber(inUnit(limit, unit as Unit, true) ?? ratioOf(0)));
  return operator.startsWith('<') ? observed : -observed;
};

/** Whether `one` is worse than `other`, an outcome of the same SLA in another trial: by verdict, then by what was observed. */
export const isWorse = (one: Outcome, other: Outcome): boolean => {
  const byVerdict = verdicts.indexOf(one.verdict) - verdicts.indexOf(other.verdict);
  if (byVerdict !== 0) return byVerdict > 0;
  if (one.observed === null || other.observed === null) return false;
  return badness(one.observed, one) > badness(other.observed, other);
};
