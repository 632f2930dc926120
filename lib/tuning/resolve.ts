import { knobsByName } from './knobs/index.js';
import { loadProfiles, resolveTuning, type ResolvedTuning } from './profile.js';
import type { TuningSpec } from './tuning-schema.js';

/** A suite's tuning with the built-in profiles and knobs. Unknown names and wrong values are `usage` errors. */
export const resolveNamed = async (spec: TuningSpec): Promise<ResolvedTuning> =>
  resolveTuning(spec, await loadProfiles(), knobsByName());
