import type { Machine } from '../tuning/machine.js';
import type { Request, Snapshot } from '../tuning/reading.js';
import type { Distribution } from './distribution.js';
import type { Finding, Use } from './finding.js';
import type { Platform } from './platform.js';

/** What a machine shows, and what it is looked at for. */
export interface Seen {
  readonly now: Snapshot;
  /** Its `isolated` are the CPUs that were named, else those that the kernel isolates. */
  readonly machine: Machine;
  readonly use: Use;
  readonly platform: Platform;
  readonly distribution: Distribution;
}

/** What a check found; `silences` are knobs of which nothing is to be said besides, since the check knows better or must be mended first. */
export interface Diagnosis {
  readonly findings: readonly Finding[];
  readonly silences?: readonly string[];
}

/** Something that is looked at beyond the knobs. */
export interface Check {
  readonly reads: readonly Request[];
  /** Pure. Undefined: there is nothing to say. */
  look(seen: Seen): Finding | Diagnosis | undefined;
}

export const diagnosisOf = (found: Finding | Diagnosis | undefined): Diagnosis => {
  if (found === undefined) return { findings: [] };
  return 'findings' in found ? found : { findings: [found] };
};
