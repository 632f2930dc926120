import { Kvm4nfvError } from '../../error.js';
import { printableData } from '../../printable.js';
import { renderKnobs } from '../../report/knobs.js';
import { newRunId } from '../../run/run-id.js';
import { renderCmdlineDiff } from '../../tuning/cmdline.js';
import { applyTuning, planTuning, verifyTuning } from '../../tuning/engine.js';
import { isEffective, type KnobResult } from '../../tuning/judge.js';
import { assertNotInUse, dropLease, leaseOf, type LeaseState } from '../../tuning/lease.js';
import { renderRestore, restoreRun, runsToRestore } from '../../tuning/restore.js';
import type { Host } from '../../host/host.js';
import { openNamed } from '../host.js';
import { Interrupt } from '../interrupt.js';
import { paintFor, print, printJson } from '../output.js';
import { tuningOf, type TuningFlags } from '../tuning.js';

export type TuneAction = 'show' | 'plan' | 'apply' | 'verify' | 'restore';

export interface TuneOptions extends TuningFlags {
  readonly suite?: string;
  readonly run?: string;
  readonly reboot: boolean;
  readonly json: boolean;
}

const told = (results: readonly KnobResult[], json: boolean): number => {
  if (json) printJson(results);
  else print(renderKnobs(printableData(results), paintFor(process.stdout)));
  return results.every(isEffective) ? 0 : 3;
};

const planned = async (host: Host, options: TuneOptions, signal: AbortSignal): Promise<number> => {
  const { results, changes, commandLine } = await planTuning(host, await tuningOf(options), { signal });
  if (options.json) printJson({ results, changes, commandLine });
  else {
    print(renderKnobs(printableData(results.filter(({ state }) => state !== 'ok')), paintFor(process.stdout)));
    print(
      `\n${String(results.filter(({ state }) => state === 'ok').length)} knobs are as requested already; ${String(changes.length)} changes would be made`,
    );
    if (commandLine !== undefined)
      print(
        `kernel command line (${commandLine.bootloader ?? `can not be set: ${commandLine.reason ?? 'no boot loader is known here'}`}), with a reboot:\n${renderCmdlineDiff(commandLine.diff)}`,
      );
  }
  return 0;
};

const undo = (name: string, { suite }: TuneOptions): string =>
  `kvm4nfv tune restore ${name}${suite === undefined ? '' : ` --suite ${suite}`}`;

const applied = async (host: Host, options: TuneOptions, signal: AbortSignal): Promise<number> => {
  const run = options.run ?? newRunId('tune');
  const { results } = await applyTuning(host, run, await tuningOf(options), { signal, reboot: options.reboot });
  const code = told(results, options.json);
  if (options.json) return code;
  const waiting = results.filter(({ state }) => state === 'needs-reboot').length;
  if (waiting > 0)
    print(`\n${String(waiting)} knob${waiting === 1 ? '' : 's'} can be had by a reboot only: --reboot allows it`);
  print(`\napplied as run ${run}; to put everything back: ${undo(host.name, options)}`);
  return code;
};

const runOf = (state: LeaseState): string[] => ('lease' in state ? [state.lease.run] : []);

/** Runs that changed the host, or took it and then nothing more; the one that has it first. */
const runsOn = async (host: Host, state: LeaseState, signal: AbortSignal): Promise<readonly string[]> => [
  ...new Set([...runOf(state), ...(await runsToRestore(host, signal))]),
];

const restored = async (host: Host, options: TuneOptions, signal: AbortSignal): Promise<number> => {
  const state = await leaseOf(host);
  assertNotInUse(host, state, options.run);
  const runs = options.run === undefined ? await runsOn(host, state, signal) : [options.run];
  if (runs.length === 0 && !options.json) print('nothing to put back');
  const reports = [];
  for (const run of runs) {
    const report = await restoreRun(host, run, { signal });
    if (report.complete) await dropLease(host, run);
    reports.push(report);
    if (!options.json) print(renderRestore(report));
  }
  if (options.json) printJson(reports);
  return reports.every(({ complete }) => complete) ? 0 : 6;
};

/** `kvm4nfv tune`: shows, plans, applies, verifies or puts back a tuning of one host. */
export const tune = async (action: TuneAction, name: string | undefined, options: TuneOptions): Promise<number> => {
  if (action !== 'restore' && options.profile === undefined && options.set === undefined)
    throw new Kvm4nfvError('E_ARGUMENT', `tune ${action} needs a profile or a knob`, {
      hint: 'such as --profile realtime-host --isolated 2-5, or --set stat-interval=10',
    });
  using interrupt = new Interrupt(() => undo(name ?? 'local', options));
  const { signal } = interrupt;
  await using host = await openNamed(name, {
    signal,
    ...(options.suite === undefined ? {} : { suite: options.suite }),
  });
  switch (action) {
    case 'show':
      told(await verifyTuning(host, await tuningOf(options), { signal }), options.json);
      return 0;
    case 'plan':
      return await planned(host, options, signal);
    case 'apply':
      return await applied(host, options, signal);
    case 'verify': {
      const [run] = options.run === undefined ? await runsOn(host, await leaseOf(host), signal) : [options.run];
      return told(
        await verifyTuning(host, await tuningOf(options), { signal, ...(run === undefined ? {} : { run }) }),
        options.json,
      );
    }
    case 'restore':
      return await restored(host, options, signal);
  }
};
