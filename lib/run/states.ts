import { Kvm4nfvError } from '../error.js';
import { sets, type Deployed } from './deployed.js';

const nameOf = ({ chain }: Deployed): string => chain[0] ?? '';

/** Those that set something, with what was set later on the same machine; only where there is any. */
const covered = (deployed: readonly Deployed[]): { readonly lower: Deployed; readonly upper: readonly Deployed[] }[] =>
  deployed.filter(sets).flatMap((lower) => {
    const upper = deployed.filter((one) => sets(one) && one.kernel === lower.kernel && one.step > lower.step);
    return upper.length === 0 ? [] : [{ lower, upper }];
  });

/**
 * Where several tunings of a test meet on one machine all must be in effect; only a context that stands on another may
 * set a knob of that one anew. An `environment` error where they contradict each other.
 */
export const assertInForce = async (deployed: readonly Deployed[], signal: AbortSignal): Promise<void> => {
  for (const { lower, upper } of covered(deployed)) {
    const { tuned } = lower;
    if (tuned === undefined) continue;
    const over = new Set(
      upper.filter(({ chain }) => chain.includes(nameOf(lower))).flatMap((one) => one.tuned?.knobs ?? []),
    );
    const drifted = await tuned.drift(signal);
    const wrong = drifted.filter(({ knob }) => !over.has(knob));
    if (wrong.length > 0) {
      const names = upper.map((one) => `'${nameOf(one)}'`).join(', ');
      const told = wrong.map(({ knob, requested, effective }) => `${knob} is ${effective} and not ${requested}`);
      throw new Kvm4nfvError(
        'E_NOT_EFFECTIVE',
        `contexts '${nameOf(lower)}' and ${names} tune one machine, and not both are in effect: ${told.join('; ')}`,
        { hint: 'Tune it in one of them, or measure in tests of their own.' },
      );
    }
    if (drifted.length > 0) await tuned.accept(signal);
  }
};

/** A line for each knob that was in effect and is not any more. */
export const driftOfAll = async (deployed: readonly Deployed[], signal: AbortSignal): Promise<string[]> => {
  const lines: string[] = [];
  for (const one of deployed)
    for (const { knob, requested, effective } of (await one.tuned?.drift(signal)) ?? [])
      lines.push(`${nameOf(one)}: knob ${knob} drifted from ${requested} to ${effective} while measuring`);
  return lines;
};
