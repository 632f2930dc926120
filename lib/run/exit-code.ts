import type { Fault } from '../error.js';
import type { Verdict } from '../sla/verdict.js';

export const exitCodeOfFault: Readonly<Record<Fault, number>> = {
  usage: 2,
  environment: 3,
  unreachable: 4,
  tool: 5,
  internal: 5,
  teardown: 6,
  interrupted: 130,
};

/** pass, warn and skip 0; fail and no-data 1; error by its fault. */
export const exitCodeOfVerdict = (verdict: Verdict, fault: Fault | undefined): number => {
  if (verdict === 'error') return exitCodeOfFault[fault ?? 'internal'];
  return verdict === 'fail' || verdict === 'no-data' ? 1 : 0;
};

/** The gravest of several: the codes are numbered by gravity. */
export const gravest = (codes: Iterable<number>): number => Math.max(0, ...codes);
