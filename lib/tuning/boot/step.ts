import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { runBatch } from '../batch.js';
import type { PlannedChange } from '../change.js';
import { commandLineKnob, encodeEntry } from '../journal.js';
import type { Request, Snapshot } from '../reading.js';

/** Changes of how a machine boots, and what is to be seen after them. */
export interface Step {
  readonly changes: readonly PlannedChange[];
  readonly requests: readonly Request[];
  /** Looks whether the next boot is given what was asked for and nothing else; throws where it is not. The next step, if one is left. */
  readonly then: (now: Snapshot) => Step | undefined;
}

/** The boot loader that booted a machine, as it was found. */
export interface Bootloader {
  readonly name: string;
  /** What the next boot will be given, apart from what the boot loader adds itself. */
  readonly configured: string;
  /** Undefined: the next boot has these parameters already. */
  readonly set: (parameters: readonly string[]) => Step | undefined;
}

/** What is known of how a machine boots says that it can't be changed, or not by us. */
export interface NoBootloader {
  readonly name: undefined;
  readonly reason: string;
  readonly hint: string;
}

export const no = (reason: string, hint: string): NoBootloader => ({ name: undefined, reason, hint });

export const cannotSet = (reasons: readonly string[], hint: string): Kvm4nfvError =>
  new Kvm4nfvError('E_BOOTLOADER', `the kernel command line can't be set: ${reasons.join('; ')}`, { hint });

/** Throws where there are reasons. */
export const prove = (reasons: readonly string[], hint: string): void => {
  if (reasons.length > 0) throw cannotSet(reasons, hint);
};

const described = ({ change, action }: PlannedChange): string =>
  action?.kind === 'run' ? action.argv.join(' ') : change !== undefined && 'path' in change ? change.path : 'a change';

export interface Journalled {
  readonly run: string;
  readonly journal: string;
  readonly bootId: string;
  readonly signal?: AbortSignal | undefined;
}

/** Journals and makes the changes of a step, and of those that follow from what it shows: one round trip each. */
export const takeSteps = async (
  host: Host,
  { run, journal, bootId, signal }: Journalled,
  first: Step,
): Promise<void> => {
  for (let step: Step | undefined = first; step !== undefined;) {
    const { changes, requests } = step;
    const record = changes.flatMap(({ change }) =>
      change === undefined
        ? []
        : [encodeEntry({ version: 1, run, boot: bootId, knob: commandLineKnob, label: 'command line', change })],
    );
    const acting = changes.filter(({ action }) => action !== undefined);
    const actions = acting.flatMap(({ action }) => (action === undefined ? [] : [action]));
    const { outcomes, snapshot } = await runBatch(host, { journal, record, actions, requests }, signal);
    prove(
      outcomes.flatMap(({ status, said }, index) => {
        const what = acting[index];
        return status === 0 || what === undefined ? [] : [`${described(what)}: ${said || `exit ${String(status)}`}`];
      }),
      'What was changed is put back. Mend what is named.',
    );
    step = step.then(snapshot);
  }
};
