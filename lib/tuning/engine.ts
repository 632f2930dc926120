import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { runBatch } from './batch.js';
import { boot, rebootOptions, type Applying } from './boot.js';
import { planCommandLine, type PlannedCommandLine } from './boot/command-line.js';
import { encodeEntry, journalOf, journalOfLayer, layersOf, refusalsIn } from './journal.js';
import { isEffective, type KnobResult, type Refusals } from './judge.js';
import { dropLease, takeLease } from './lease.js';
import type { Machine } from './machine.js';
import type { ResolvedTuning } from './profile.js';
import { text } from './reading.js';
import { reboot } from './reboot.js';
import { assertRestored, restoreRun, type RestoreReport } from './restore.js';
import { carryOut, changesOf, judge, look, type KnobChange, type View } from './session.js';
import type { TuningOptions } from './tuning-options.js';

export type { TuningOptions } from './tuning-options.js';

export interface TuningPlan {
  /** How every knob stands now. */
  readonly results: readonly KnobResult[];
  /** What would be changed, as far as it can be seen now: CPUs that go offline or groups that are made show more later. */
  readonly changes: readonly KnobChange[];
  /** Absent where the running kernel has every parameter already. */
  readonly commandLine?: PlannedCommandLine;
}

/** What applying would do. Writes nothing. One round trip, and one more where the boot loader is concerned. */
export const planTuning = async (
  host: Host,
  tuning: ResolvedTuning,
  options: TuningOptions = {},
): Promise<TuningPlan> => {
  const view = await look(host, tuning, options.signal);
  const commandLine = await planCommandLine(host, view, options);
  return {
    results: judge(view, new Map()),
    changes: changesOf(view),
    ...(commandLine === undefined ? {} : { commandLine }),
  };
};

/** What the kernel refused the run earlier, for verifying from another process. */
const refusalsOf = async (host: Host, run: string, { machine }: View, signal?: AbortSignal): Promise<Refusals> => {
  const journals = [text(journalOf(run)), text(layersOf(run))];
  const { snapshot } = await runBatch(host, { requests: journals }, signal);
  return new Map(
    [...snapshot.texts]
      .flatMap(([path, content]) => refusalsIn(content, path))
      .filter(({ boot: bootId }) => bootId === machine.bootId)
      .map(({ refused: { place, status, said } }) => [place, { status, said }]),
  );
};

/** Writes down what was refused. */
const recordRefusals = async (
  host: Host,
  { run, journal }: Applying,
  refusals: Refusals,
  { bootId }: Machine,
  signal?: AbortSignal,
): Promise<void> => {
  const record = [...refusals].map(([place, { status, said }]) =>
    encodeEntry({ version: 1, run, boot: bootId, refused: { place, status, said } }),
  );
  if (record.length > 0) await runBatch(host, { journal, record }, signal);
};

/**
 * How every knob stands: requested and effective. With the id of the run that applied it, what the kernel refused then
 * counts as refused, and isolated CPUs that are offline (which SMT off makes of them) are no longer asked of.
 */
export const verifyTuning = async (
  host: Host,
  tuning: ResolvedTuning,
  options: { readonly signal?: AbortSignal; readonly run?: string } = {},
): Promise<KnobResult[]> => {
  const { run, signal } = options;
  if (run === undefined) return judge(await look(host, tuning, signal), new Map());
  const view = await look(host, tuning, signal, 'applied');
  return judge(view, await refusalsOf(host, run, view, signal));
};

/** The `environment` error of a tuning that is not in effect; does nothing where all of it is. */
export const assertEffective = (host: Host, results: readonly KnobResult[]): void => {
  const wrong = results.filter((result) => !isEffective(result));
  if (wrong.length === 0) return;
  const waiting = wrong.filter(({ state }) => state === 'needs-reboot').map(({ knob }) => knob);
  const told = [
    ...(waiting.length === 0 ? [] : [`only a reboot sets ${waiting.join(', ')}`]),
    ...wrong.flatMap(({ knob, state, reason }) =>
      state === 'needs-reboot' ? [] : [`${knob} (${state}): ${reason ?? ''}`],
    ),
  ];
  throw new Kvm4nfvError('E_NOT_EFFECTIVE', `${host.name}: tuning is not in effect: ${told.join('; ')}`, {
    hint:
      waiting.length > 0
        ? 'Allow `reboot: true` in the tuning, or set those knobs to `keep`.'
        : 'Mend what is named, or set those knobs to `keep`.',
  });
};

/**
 * Knobs that were in effect before and are not any more. Interrupts and threads that came since, such as those of a guest that
 * was given a device, were never tuned and are no drift.
 */
export const driftOf = (before: readonly KnobResult[], after: readonly KnobResult[]): KnobResult[] =>
  after.filter((result) => {
    const old = before.find(({ knob }) => knob === result.knob);
    if (old === undefined || !isEffective(old) || isEffective(result)) return false;
    const wasFine = (label: string): boolean => old.items.some((item) => item.label === label && item.state === 'ok');
    const wrong = result.items.filter(({ state }) => state === 'differs' || state === 'needs-reboot');
    return wrong.some(({ label }) => wasFine(label));
  });

export interface AppliedTuning {
  /** As read back right after applying. */
  readonly results: readonly KnobResult[];
  readonly machine: Machine;
  /** Reads everything back again: one round trip. */
  verify(signal?: AbortSignal): Promise<readonly KnobResult[]>;
  /**
   * Puts everything back, and gives the host back where no other tuning of the run is in force there. With `wholly` the
   * kernel command line too, though the options say that it stays: something else is measured there next. Safe to call twice.
   */
  restore(options?: { readonly signal?: AbortSignal; readonly wholly?: boolean }): Promise<RestoreReport>;
}

/** What is still to be done about how the machine boots. */
interface Owed {
  /** The command line to put back where the machine is booted from outside. */
  line?: string;
  reboot: boolean;
}

/** The run may have been interrupted: only its own signal stops it. */
const restoring = async (
  host: Host,
  { run, onTop }: Applying,
  owed: Owed,
  options: TuningOptions,
  { signal, wholly = false }: { readonly signal?: AbortSignal; readonly wholly?: boolean } = {},
): Promise<RestoreReport> => {
  const keepBoot = options.restoreBoot === false && !wholly;
  const report = await restoreRun(host, run, {
    keepBoot,
    ...(signal === undefined ? {} : { signal }),
    ...(options.layer === undefined ? {} : { layer: options.layer }),
  });
  if (report.needsReboot) owed.reboot = true;
  if (options.commandLine !== undefined && owed.line !== undefined && !keepBoot) {
    await options.commandLine.set(owed.line);
    delete owed.line;
    owed.reboot = true;
  }
  const again = owed.reboot && options.reboot === true;
  if (again) {
    await reboot(host, rebootOptions(options, signal));
    owed.reboot = false;
  }
  if (report.complete && !onTop) await dropLease(host, run);
  return again ? { ...report, needsReboot: false } : report;
};

/**
 * Takes the host for the run, sets every knob and reads it back. Old values are in the journal on the host before anything
 * changes; when this fails half way, what was changed is put back. In observe mode it only looks.
 * Round trips: lease, first look, and one for each phase that changes something (three at most), one more where the host
 * refused something, with what the reboot takes.
 */
export const applyTuning = async (
  host: Host,
  run: string,
  tuning: ResolvedTuning,
  options: TuningOptions = {},
): Promise<AppliedTuning> => {
  if (tuning.observe) return observed(host, run, tuning, options);
  const { before: onTop } = await takeLease(host, run);
  const { layer } = options;
  const journal = layer === undefined ? journalOf(run) : journalOfLayer(run, layer);
  const applying: Applying = { run, journal, onTop };
  const refusals = new Map<string, { status: number; said: string }>();
  const owed: Owed = { reboot: false };
  try {
    let view = await look(host, tuning, options.signal);
    const commandLine = options.reboot === true ? await planCommandLine(host, view, options) : undefined;
    if (commandLine !== undefined) {
      owed.line = commandLine.before;
      view = await boot(host, applying, tuning, view, options);
    }
    for (const phase of [0, 1, 2] as const) {
      const changes = changesOf(view, phase);
      if (changes.length > 0)
        view = await carryOut(host, tuning, view, { run, journal, changes }, refusals, options.signal);
    }
    const { machine } = view;
    await recordRefusals(host, applying, refusals, machine, options.signal);
    return {
      results: judge(view, refusals),
      machine,
      verify: async (signal) => judge(await look(host, tuning, signal, machine), refusals),
      restore: (how) => restoring(host, applying, owed, options, how),
    };
  } catch (error) {
    try {
      assertRestored(host, await restoring(host, applying, owed, options, { wholly: layer !== undefined }));
    } catch (failure) {
      throw new AggregateError([error, failure], 'applying a tuning failed, and so did putting it back');
    }
    throw error;
  }
};

const observed = async (
  host: Host,
  run: string,
  tuning: ResolvedTuning,
  options: TuningOptions,
): Promise<AppliedTuning> => {
  const view = await look(host, tuning, options.signal);
  return {
    results: judge(view, new Map()),
    machine: view.machine,
    verify: async (signal) => judge(await look(host, tuning, signal), new Map()),
    restore: () => Promise.resolve({ run, places: [], complete: true, needsReboot: false }),
  };
};
