import { knobsByName } from './knobs/index.js';
import { loadProfiles, resolveTuning, type ResolvedTuning } from './profile.js';
import type { Profile, TuningSpec } from './tuning-schema.js';

let builtIn: Promise<ReadonlyMap<string, Profile>> | undefined;

/** A suite's tuning with the built-in profiles and knobs. Unknown names and wrong values are `usage` errors. */
export const resolveNamed = async (spec: TuningSpec): Promise<ResolvedTuning> =>
  resolveTuning(spec, await (builtIn ??= loadProfiles()), knobsByName());
