import type { Deployment } from '../contexts/context.js';
import { applyTuning, assertEffective, driftOf, type AppliedTuning } from '../tuning/engine.js';
import type { Layer } from '../tuning/journal.js';
import type { KnobResult } from '../tuning/judge.js';
import { assertRestored, type RestoreReport } from '../tuning/restore.js';
import { resolveNamed } from '../tuning/resolve.js';
import type { TuningSpec } from '../tuning/tuning-schema.js';
import type { KnobOutcome } from './result.js';

const outcomeOf = ({ items, ...knob }: KnobResult): KnobOutcome => ({
  ...knob,
  items: items.map(({ effective, ...item }) => ({ ...item, ...(effective === undefined ? {} : { effective }) })),
});

/** The tuning of a context while it is in force. */
export class Tuned {
  readonly result: { readonly profile: string; knobs: KnobOutcome[] };
  /** It only looks: there is nothing to put back. */
  readonly observes: boolean;
  /** It may boot its machine anew. */
  readonly reboots: boolean;
  readonly #applied: AppliedTuning;
  #asMeasured: readonly KnobResult[];

  constructor(applied: AppliedTuning, { profile, reboot }: TuningSpec, observes: boolean) {
    this.result = { profile, knobs: applied.results.map(outcomeOf) };
    this.observes = observes;
    this.reboots = reboot;
    this.#applied = applied;
    this.#asMeasured = applied.results;
  }

  get knobs(): readonly string[] {
    return this.#applied.results.map(({ knob }) => knob);
  }

  /** Knobs that were in effect and are not any more. One round trip. */
  async drift(signal: AbortSignal): Promise<readonly KnobResult[]> {
    return driftOf(this.#asMeasured, await this.#applied.verify(signal));
  }

  /** Takes what the machine shows now for what is measured: another tuning, on top of this one, has the last word. */
  async accept(signal: AbortSignal): Promise<void> {
    this.#asMeasured = await this.#applied.verify(signal);
  }

  restore(options: { readonly wholly: boolean }): Promise<RestoreReport> {
    return this.#applied.restore(options);
  }
}

/** Sets the knobs of a context on its machine and reads them back; what is not in effect is an `environment` error, after everything was put back. */
export const tune = async (
  deployment: Deployment,
  spec: TuningSpec,
  { run, layer, signal }: { readonly run: string; readonly layer: Layer; readonly signal: AbortSignal },
): Promise<Tuned> => {
  const { sut, commandLine } = deployment;
  const tuning = await resolveNamed(spec);
  const applied = await applyTuning(sut, run, tuning, {
    signal,
    layer,
    reboot: spec.reboot,
    restoreBoot: spec.restore_boot,
    ...(commandLine === undefined ? {} : { commandLine }),
  });
  try {
    // A profile that observes tells what differs and stops nothing.
    if (!tuning.observe) assertEffective(sut, applied.results);
  } catch (error) {
    assertRestored(sut, await applied.restore({ wholly: true }));
    throw error;
  }
  return new Tuned(applied, spec, tuning.observe);
};
