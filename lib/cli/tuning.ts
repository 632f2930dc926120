import { keyAndText, valueOf } from '../suite/given.js';
import type { ResolvedTuning } from '../tuning/profile.js';
import { resolveNamed } from '../tuning/resolve.js';
import { checked } from './checked.js';
import { tuningSchema, type TuningSpec } from '../tuning/tuning-schema.js';

/** What the commands that tune have in common. */
export interface TuningFlags {
  readonly profile?: string;
  readonly isolated?: string;
  readonly housekeeping?: string;
  readonly node?: string;
  readonly set?: readonly string[];
}

const knobValue = (text: string): [string, unknown] => {
  const [knob, value] = keyAndText('--set', text, 'knob=value', 'stat-interval=10');
  return [knob, valueOf(`--set ${knob}`, value)];
};

/** The tuning that flags describe, as a suite would write it. */
export const specOf = ({ profile, isolated, housekeeping, node, set = [] }: TuningFlags): TuningSpec => {
  const written = {
    ...(profile === undefined ? {} : { profile }),
    with: {
      ...(isolated === undefined ? {} : { isolated_cpus: isolated }),
      ...(housekeeping === undefined ? {} : { housekeeping_cpus: housekeeping }),
      ...(node === undefined ? {} : { node: Number(node) }),
    },
    knobs: Object.fromEntries(set.map(knobValue)),
  };
  return checked('this tuning', tuningSchema, written, 'kvm4nfv list knob and kvm4nfv list profile name what there is');
};

export const tuningOf = (flags: TuningFlags): Promise<ResolvedTuning> => resolveNamed(specOf(flags));
