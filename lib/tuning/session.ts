import { formatCpuList, intersectCpus } from '../host/cpu-list.js';
import type { Host } from '../host/host.js';
import { runBatch, type BatchResult } from './batch.js';
import { bootloaderRequests } from './bootloader.js';
import { changeOf, requestsOfItem, type PlannedChange } from './change.js';
import { encodeEntry, journalOf } from './journal.js';
import { judgeItem, judgeKnob, type KnobResult, type Refusals } from './judge.js';
import type { Item, Phase } from './knob.js';
import { machineOf, machineRequests, type Machine, type TuningParameters } from './machine.js';
import { describePlace } from './place.js';
import type { ResolvedTuning } from './profile.js';
import type { Request, Snapshot } from './reading.js';

export interface KnobItems {
  readonly knob: string;
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
  ...bootloaderRequests,
  ...knobs.flatMap(({ knob, value }) => knob.reads(value)),
];

/** CPUs that have gone offline meanwhile (SMT off) are no longer asked of. */
const stillOnline = (parameters: TuningParameters, earlier: Machine, now: Snapshot): TuningParameters => {
  const { online } = machineOf(now, {});
  return {
    ...parameters,
    ...(earlier.isolated.length === 0 ? {} : { isolated_cpus: formatCpuList(intersectCpus(earlier.isolated, online)) }),
    housekeeping_cpus: formatCpuList(intersectCpus(earlier.housekeeping, online)),
  };
};

/** What a tuning wants, given a snapshot of {@link requestsOf}; pure. */
export const viewOf = (tuning: ResolvedTuning, now: Snapshot, earlier?: Machine): View => {
  const parameters = earlier === undefined ? tuning.parameters : stillOnline(tuning.parameters, earlier, now);
  const machine = machineOf(now, parameters);
  const knobs = tuning.knobs.map(({ knob, value }) => ({
    knob: knob.name,
    items: knob.items({ value, machine }, now),
  }));
  return { now, machine, knobs };
};

/** Reads everything that a tuning is concerned with, in one round trip. */
export const look = async (
  host: Host,
  tuning: ResolvedTuning,
  signal?: AbortSignal,
  earlier?: Machine,
): Promise<View> => {
  const { snapshot } = await runBatch(host, { requests: requestsOf(tuning) }, signal);
  return viewOf(tuning, snapshot, earlier);
};

/** What differs from what is wanted, of the items of one phase; of all where no phase is given. */
export const changesOf = ({ knobs, now }: View, phase?: Phase): KnobChange[] =>
  knobs.flatMap(({ knob, items }) =>
    items.flatMap((item): KnobChange[] => {
      if (phase !== undefined && (item.phase ?? 2) !== phase) return [];
      const planned = changeOf(item, now);
      return planned === undefined ? [] : [{ ...planned, knob, label: item.label }];
    }),
  );

const placeOf = ({ change, action }: KnobChange): string | undefined => {
  if (change === undefined) return action?.kind === 'run' ? action.argv.join(' ') : undefined;
  if (change.kind === 'action') return describePlace(change.place);
  return change.kind === 'after-undo' ? undefined : change.path;
};

export interface Step {
  readonly run: string;
  readonly changes: readonly KnobChange[];
}

/** Journals the changes, makes them, and reads everything anew: one round trip. Refusals of the host are added to `refusals`. */
export const carryOut = async (
  host: Host,
  tuning: ResolvedTuning,
  view: View,
  { run, changes }: Step,
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
      journal: journalOf(run),
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
  knobs.map(({ knob, items }) =>
    judgeKnob(
      knob,
      items.map((item) => judgeItem(item, now, machine, refusals)),
    ),
  );
