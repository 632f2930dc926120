import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { canonical } from './aspect.js';
import { runBatch, type Action } from './batch.js';
import {
  commandLineKnob,
  journalDirectory,
  journalOf,
  journalOfLayer,
  layersOf,
  parseJournal,
  runOfJournal,
  stateDirectory,
  type JournalEntry,
  type Layer,
} from './journal.js';
import { bootIdPath } from './machine.js';
import { files, line, names, text, type Snapshot } from './reading.js';
import { fateOf, leftoversOf, requestsOf, temporaryOf, touchedOf, type Fate, type Touched } from './restore-plan.js';

export interface RestoredPlace {
  readonly knob: string;
  readonly label: string;
  readonly place: string;
  readonly fate: 'restored' | 'as-before' | 'foreign' | 'gone' | 'failed';
  /** For `foreign`: old value, ours, and the one that is there now. For `failed`: what the host said. */
  readonly detail?: string;
}

export interface RestoreReport {
  readonly run: string;
  readonly places: readonly RestoredPlace[];
  /** Nothing of the run is left, apart from values that others have changed since. */
  readonly complete: boolean;
  /** What the boot loader says was put back, but the machine still runs with ours. */
  readonly needsReboot: boolean;
}

export interface RestoreOptions {
  readonly signal?: AbortSignal;
  /** Leave the kernel command line as we set it, for the next run. Default: false. */
  readonly keepBoot?: boolean;
  /** Only what one tuning of the run changed. Default: all of them, those set last first. */
  readonly layer?: Layer;
  /** Where the journal is, for one that is put back by itself. Default: where tuning has it. */
  readonly directory?: string;
}

const place = ({ first, key }: Touched, fate: RestoredPlace['fate'], detail?: string): RestoredPlace => ({
  knob: first.knob,
  label: first.label,
  place: key,
  fate,
  ...(detail === undefined ? {} : { detail }),
});

const readJournal = async (
  host: Host,
  journal: string,
  signal: AbortSignal | undefined,
): Promise<{ entries: JournalEntry[]; bootId: string }> => {
  const requests = [text(journal), ...files(bootIdPath)];
  const { snapshot } = await runBatch(host, { journal, quiesce: true, requests }, signal);
  return {
    entries: parseJournal(snapshot.texts.get(journal) ?? '', journal),
    bootId: line(snapshot, bootIdPath) ?? '',
  };
};

const describe = (fate: Extract<Fate, { kind: 'foreign' }>): string =>
  `was ${fate.before}, we set ${fate.ours}, now ${fate.now}`;

/** The journals of a run, that of its latest tuning first. */
const journalsOf = async (host: Host, run: string, { directory, layer, signal }: RestoreOptions): Promise<string[]> => {
  if (layer !== undefined) return [journalOfLayer(run, layer)];
  const own = journalOf(run, directory);
  if (directory !== undefined) return [own];
  // What still writes a journal must have ended before they are listed.
  const requests = [names(layersOf(run))];
  const { snapshot } = await runBatch(host, { journal: own, quiesce: true, requests }, signal);
  return [...[...snapshot.names].sort().reverse(), own];
};

/**
 * Puts back what a run changed, latest change first. Safe to run twice, and after the controller was killed at any
 * point; a value that is neither the old one nor ours is reported and left alone.
 */
export const restoreRun = async (host: Host, run: string, options: RestoreOptions = {}): Promise<RestoreReport> => {
  const reports: RestoreReport[] = [];
  for (const journal of await journalsOf(host, run, options))
    reports.push(await restoreJournal(host, run, journal, options));
  return {
    run,
    places: reports.flatMap(({ places }) => places),
    complete: reports.every(({ complete }) => complete),
    needsReboot: reports.some(({ needsReboot }) => needsReboot),
  };
};

/** The service that undoing starts again. */
const startedBy = ({ first: { change } }: Touched): string[] =>
  change.kind === 'action' && change.undo[0] === 'systemctl' && change.undo[1] === 'start'
    ? [change.undo[2] ?? '']
    : [];

/**
 * A value that was put back and shows another one now, with a service such as tuned just started again: it is the service's,
 * as it was before the run, and to put ours back once more would take it away.
 */
const setByOthers = (
  { first: { change } }: Touched,
  after: Snapshot,
  started: readonly string[],
): string | undefined => {
  // Pages that the kernel did not give back are nobody's doing.
  if (change.kind !== 'value' || change.aspect === 'amount' || started.length === 0) return undefined;
  const now = canonical(change.aspect, after.files.get(change.path) ?? '');
  return `was ${canonical(change.aspect, change.before)} and was put back, now ${now}: ${started.join(' or ')}, started again, has set it`;
};

const restoreJournal = async (
  host: Host,
  run: string,
  journal: string,
  options: RestoreOptions,
): Promise<RestoreReport> => {
  const { entries, bootId } = await readJournal(host, journal, options.signal);
  const kept = options.keepBoot === true ? entries.filter(({ knob }) => knob !== commandLineKnob) : entries;
  const touched = touchedOf(kept, bootId);
  const { snapshot } = await runBatch(host, { requests: requestsOf(touched) }, options.signal);

  const planned = touched.map((item) => ({ item, fate: fateOf(item, snapshot) }));
  const actions: Action[] = [
    ...planned.flatMap(({ fate }) => (fate.kind === 'restore' ? fate.actions : [])),
    ...leftoversOf(touched, snapshot),
  ];
  const { outcomes, snapshot: after } = await runBatch(
    host,
    { journal, actions, requests: requestsOf(touched) },
    options.signal,
  );

  const started = planned.flatMap(({ item, fate }) => (fate.kind === 'restore' ? startedBy(item) : []));
  let next = 0;
  const places = planned.map(({ item, fate }): RestoredPlace => {
    const outcome = fate.kind === 'restore' ? outcomes[next++] : undefined;
    const temporary = temporaryOf(item);
    if (temporary !== undefined && after.names.has(temporary))
      return place(item, 'failed', `${temporary} is still there`);
    if (fate.kind === 'foreign') return place(item, 'foreign', describe(fate));
    if (fate.kind !== 'restore') return place(item, fate.kind);
    if (item.first.change.kind === 'after-undo')
      return outcome?.status === 0 ? place(item, 'restored') : place(item, 'failed', outcome?.said ?? '');
    const now = fateOf(item, after);
    if (now.kind === 'as-before' || now.kind === 'gone') return place(item, 'restored');
    const setAgain = outcome?.status === 0 ? setByOthers(item, after, started) : undefined;
    return setAgain === undefined
      ? place(item, 'failed', outcome?.said ?? 'the value did not take')
      : place(item, 'foreign', setAgain);
  });
  const failed = places.some(({ fate }) => fate === 'failed');
  if (!failed && kept.length === entries.length) await forget(host, run, journal, options);
  return {
    run,
    places,
    complete: !failed,
    needsReboot: kept.some(({ boot, knob }) => knob === commandLineKnob && boot !== bootId),
  };
};

/** The `teardown` error of a run that is not wholly put back; does nothing where it is. */
export const assertRestored = (host: Host, report: RestoreReport): void => {
  if (report.complete) return;
  throw new Kvm4nfvError('E_RESTORE', `${host.name}: ${renderRestore(report)}`, {
    hint: `Mend what is named, then: kvm4nfv tune restore ${host.name} --run ${report.run}`,
  });
};

/** Removes the journal, and our directories where they are empty. */
const forget = async (
  host: Host,
  run: string,
  journal: string,
  { directory = stateDirectory, signal }: RestoreOptions,
): Promise<void> => {
  const actions: Action[] = [
    { kind: 'remove', path: journal },
    { kind: 'rmdir', path: `${directory}/journal` },
    { kind: 'rmdir', path: directory },
  ];
  const { outcomes } = await runBatch(host, { journal, actions }, signal);
  if (outcomes[0]?.status !== 0)
    throw new Kvm4nfvError(
      'E_RESTORE',
      `${host.name}: the journal of run ${run} can't be removed: ${outcomes[0]?.said ?? ''}`,
    );
};

/** Ids of the runs that have a journal on the host: those whose changes are not, or not wholly, put back. */
export const runsToRestore = async (host: Host, signal?: AbortSignal): Promise<string[]> => {
  const { snapshot } = await runBatch(host, { requests: [names(`${journalDirectory}/*.ndjson`)] }, signal);
  return [...new Set([...snapshot.names].map(runOfJournal))].sort();
};

/** One line for each place that is not as before. */
export const renderRestore = ({ run, places, needsReboot }: RestoreReport): string => {
  const told = places.filter(({ fate }) => fate === 'foreign' || fate === 'failed');
  return [
    `run ${run}: ${String(places.filter(({ fate }) => fate === 'restored').length)} restored, ${String(places.filter(({ fate }) => fate === 'as-before').length)} already as before`,
    ...told.map(
      ({ fate, place: where, detail }) =>
        `${fate === 'foreign' ? 'changed by others, left alone' : 'NOT restored'}: ${where}: ${detail ?? ''}`,
    ),
    ...(needsReboot ? ['the kernel command line is put back and takes effect with the next boot'] : []),
  ].join('\n');
};
