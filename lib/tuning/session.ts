import { formatCpuList, intersectCpus, resolveCpus } from '../host/cpu-list.js';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { runBatch, type BatchResult } from './batch.js';
import { changesOfItem, requestsOfItem, type PlannedChange } from './change.js';
import { encodeEntry } from './journal.js';
import { judgeItem, judgeKnob, type KnobResult, type Refusals } from './judge.js';
import type { Item, Phase } from './knob.js';
import { machineOf, machineRequests, type Machine, type TuningParameters } from './machine.js';
import { describePlace } from './place.js';
import type { ResolvedTuning } from './profile.js';
import type { Request, Snapshot } from './reading.js';

export interface KnobItems {
  readonly knob: string;
  /** The user named it, not only a profile. */
  readonly named: boolean;
  readonly items: readonly Item[];
}

/** What a host shows, and what the tuning wants of it. */
export interface View {
  readonly now: Snapshot;
  readonly machine: Machine;
  readonly knobs: readonly KnobItems[];
}

/** A planned change of a knob. */
export interface KnobChange extends PlannedChange {
  readonly knob: string;
  readonly label: string;
}

export const requestsOf = ({ knobs }: ResolvedTuning): Request[] => [
  ...machineRequests,
  ...knobs.flatMap(({ knob, value }) => knob.reads(value)),
];

const stillOnline = (cpus: readonly number[], online: readonly number[]): string => {
  const left = intersectCpus(cpus, online);
  if (left.length > 0) return formatCpuList(left);
  throw new Kvm4nfvError('E_NO_CPU', `of the CPUs ${formatCpuList(cpus)} none is online any more`, {
    hint: 'SMT off keeps the first thread of each core: name that one.',
  });
};

/** CPUs that have gone offline meanwhile (SMT off) are no longer asked of. */
const withoutOffline = (
  parameters: TuningParameters,
  earlier: Machine | 'applied',
  now: Snapshot,
): TuningParameters => {
  const { online, possible, nodes } = machineOf(now, {});
  const named = (cpus: string | undefined): readonly number[] =>
    cpus === undefined ? [] : resolveCpus(cpus, { online: possible, nodes });
  const { isolated, housekeeping } =
    earlier === 'applied'
      ? { isolated: named(parameters.isolated_cpus), housekeeping: named(parameters.housekeeping_cpus) }
      : earlier;
  return {
    ...parameters,
    ...(isolated.length === 0 ? {} : { isolated_cpus: stillOnline(isolated, online) }),
    ...(housekeeping.length === 0 ? {} : { housekeeping_cpus: stillOnline(housekeeping, online) }),
  };
};

const machineWith = (tuning: ResolvedTuning, now: Snapshot, earlier: Machine | 'applied' | undefined): Machine => {
  if (earlier === undefined) return machineOf(now, tuning.parameters);
  const machine = machineOf(now, withoutOffline(tuning.parameters, earlier, now));
  // A CPU that is offline is shown as nobody's sibling.
  return earlier === 'applied' ? machine : { ...machine, siblings: earlier.siblings };
};

/**
 * What a tuning wants, given a snapshot of {@link requestsOf}; pure. With the machine as it was before the tuning's first
 * change, or with `applied` where only that is known that it was changed, CPUs that went offline are not missed.
 */
export const viewOf = (tuning: ResolvedTuning, now: Snapshot, earlier?: Machine | 'applied'): View => {
  const machine = machineWith(tuning, now, earlier);
  const knobs = tuning.knobs.map(({ knob, value, named }) => ({
    knob: knob.name,
    named,
    items: knob.items({ value, machine }, now),
  }));
  return { now, machine, knobs };
};

/** Reads everything that a tuning is concerned with, in one round trip. */
export const look = async (
  host: Host,
  tuning: ResolvedTuning,
  signal?: AbortSignal,
  earlier?: Machine | 'applied',
): Promise<View> => {
  const { snapshot } = await runBatch(host, { requests: requestsOf(tuning) }, signal);
  return viewOf(tuning, snapshot, earlier);
};

/** What differs from what is wanted, of the items of one phase; of all where no phase is given. */
export const changesOf = ({ knobs, now }: View, phase?: Phase): KnobChange[] =>
  knobs.flatMap(({ knob, items }) =>
    items.flatMap((item): KnobChange[] => {
      if (phase !== undefined && (item.phase ?? 2) !== phase) return [];
      return changesOfItem(item, now).map((planned) => ({ ...planned, knob, label: item.label }));
    }),
  );

const placeOf = ({ change, action }: KnobChange): string | undefined => {
  if (change === undefined) return action?.kind === 'run' ? action.argv.join(' ') : undefined;
  if (change.kind === 'action') return describePlace(change.place);
  return change.kind === 'after-undo' ? undefined : change.path;
};

export interface Step {
  readonly run: string;
  /** Where the old values are written before anything is changed. */
  readonly journal: string;
  readonly changes: readonly KnobChange[];
}

/** Journals the changes, makes them, and reads everything anew: one round trip. Refusals of the host are added to `refusals`. */
export const carryOut = async (
  host: Host,
  tuning: ResolvedTuning,
  view: View,
  { run, journal, changes }: Step,
  refusals: Map<string, { status: number; said: string }>,
  signal?: AbortSignal,
): Promise<View> => {
  const record = changes.flatMap(({ change, knob, label }) =>
    change === undefined ? [] : [encodeEntry({ version: 1, run, boot: view.machine.bootId, knob, label, change })],
  );
  const acting = changes.filter(({ action }) => action !== undefined);
  const result: BatchResult = await runBatch(
    host,
    {
      journal,
      record,
      actions: acting.flatMap(({ action }) => (action === undefined ? [] : [action])),
      requests: [...requestsOf(tuning), ...view.knobs.flatMap(({ items }) => items.flatMap(requestsOfItem))],
    },
    signal,
  );
  result.outcomes.forEach((outcome, index) => {
    const change = acting[index];
    const place = change === undefined ? undefined : placeOf(change);
    if (place === undefined) return;
    if (outcome.status === 0) refusals.delete(place);
    else refusals.set(place, outcome);
  });
  return viewOf(tuning, result.snapshot, view.machine);
};

/** How every knob stands. */
export const judge = ({ knobs, now, machine }: View, refusals: Refusals): KnobResult[] =>
  knobs.map(({ knob, items, named }) =>
    judgeKnob(
      knob,
      items.map((item) => judgeItem(item, now, machine, refusals)),
      named,
    ),
  );
