import { knobsByName } from './knobs/index.js';
import { loadProfiles, resolveTuning, type ResolvedTuning } from './profile.js';
import type { Profile, TuningSpec } from './tuning-schema.js';

let builtIn: Promise<ReadonlyMap<string, Profile>> | undefined;

const profiles = (): Promise<ReadonlyMap<string, Profile>> => (builtIn ??= loadProfiles());

/** Names of the built-in profiles. */
export const profileNames = async (): Promise<readonly string[]> => [...(await profiles()).keys()];

/** A suite's tuning with the built-in profiles and knobs. Unknown names and wrong values are `usage` errors. */
export const resolveNamed = async (spec: TuningSpec): Promise<ResolvedTuning> =>
  resolveTuning(spec, await profiles(), knobsByName());
