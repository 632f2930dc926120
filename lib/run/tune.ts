import type { Deployment } from '../contexts/context.js';
import { applyTuning, assertEffective, type AppliedTuning } from '../tuning/engine.js';
import type { KnobResult } from '../tuning/judge.js';
import { assertRestored } from '../tuning/restore.js';
import { resolveNamed } from '../tuning/resolve.js';
import type { TuningSpec } from '../tuning/tuning-schema.js';
import type { KnobOutcome } from './result.js';

export interface Tuned {
  readonly applied: AppliedTuning;
  readonly result: { readonly profile: string; knobs: KnobOutcome[] };
}

const outcomeOf = ({ items, ...knob }: KnobResult): KnobOutcome => ({
  ...knob,
  items: items.map(({ effective, ...item }) => ({ ...item, ...(effective === undefined ? {} : { effective }) })),
});

/** Sets the knobs of a context on its machine and reads them back; what is not in effect is an `environment` error, after everything was put back. */
export const tune = async (
  deployment: Deployment,
  spec: TuningSpec,
  run: string,
  signal: AbortSignal,
): Promise<Tuned> => {
  const { sut, commandLine } = deployment;
  const tuning = await resolveNamed(spec);
  const applied = await applyTuning(sut, run, tuning, {
    signal,
    reboot: spec.reboot,
    restoreBoot: spec.restore_boot,
    ...(commandLine === undefined ? {} : { commandLine }),
  });
  try {
    // A profile that observes tells what differs and stops nothing.
    if (!tuning.observe) assertEffective(sut, applied.results);
  } catch (error) {
    assertRestored(sut, await applied.restore());
    throw error;
  }
  return { applied, result: { profile: spec.profile, knobs: applied.results.map(outcomeOf) } };
};
