import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Attempts } from '../attempts.js';
import { fileProblem, Kvm4nfvError, messageOf } from '../error.js';
import { listJobs, removeRun, settle } from '../host/runs.js';
import type { Host } from '../host/host.js';
import { openHost } from '../host/open.js';
import type { HostSpec } from '../host/spec.js';
import { lives } from '../tuning/controller.js';
import { dropLease } from '../tuning/lease.js';
import { stateDirectory } from '../tuning/journal.js';
import { renderRestore, restoreRun } from '../tuning/restore.js';
import { Redactor } from './redact.js';
import type { Registry } from './registry.js';
import { eventSchema, type RunEvent } from './event.js';
import { eventsFile, readEvents } from './store.js';
import { restoreHost } from './stored-hosts.js';

type RunStarted = Extract<RunEvent, { type: 'run-started' }>;

interface RunState {
  readonly started: RunStarted;
  readonly finished: boolean;
  readonly troubled: boolean;
}

/** What `cleanup` did about one run. */
export interface CleanupReport {
  readonly run: string;
  /** `clean`: it ended well; `running`: its controller lives, so it was left alone; `cleaned`: its hosts were seen to. */
  readonly state: 'clean' | 'running' | 'cleaned' | 'failed';
  /** What was removed, or why that failed, one line each. */
  readonly lines: readonly string[];
}

const readState = async (directory: string): Promise<RunState | undefined> => {
  let started: RunStarted | undefined;
  let finished = false;
  let troubled = false;
  for await (const line of readEvents(directory)) {
    const { data: event } = eventSchema.safeParse(line);
    if (event?.type === 'run-started') started = event;
    if (event?.type === 'run-finished') finished = true;
    if (event?.type === 'problem' && event.problem.fault !== 'interrupted') troubled = true;
    if (event?.type === 'trial-finished' && event.trial.fault === 'teardown') troubled = true;
    if (event?.type === 'test-finished' && event.fault === 'teardown') troubled = true;
  }
  return started === undefined ? undefined : { started, finished, troubled };
};

/** Puts back what the run's tuning changed, where it changed anything. */
const restoreTuning = async (host: Host, run: string, signal: AbortSignal): Promise<string[]> => {
  const tuned = await host.exec(['test', '-d', stateDirectory], { check: false, signal });
  if (tuned.exitCode !== 0) return [];
  const report = await restoreRun(host, run, { signal });
  if (!report.complete) throw new Kvm4nfvError('E_RESTORE', `${host.name}: ${renderRestore(report)}`);
  await dropLease(host, run);
  return report.places.filter(({ fate }) => fate !== 'as-before').map(({ fate, place }) => `${fate}: ${place}`);
};

const cleanHost = async (
  name: string,
  specs: ReadonlyMap<string, HostSpec>,
  run: string,
  registry: Registry,
  signal: AbortSignal,
): Promise<string[]> => {
  await using host = await openHost(name, specs, { signal });
  const attempts = new Attempts();
  // Where that takes too long, all the rest is swept all the same.
  await attempts.make(async () => {
    await settle(host, run, signal);
    return [];
  });
  // Sweeping ends jobs too: what there was must be known before.
  const jobs = (await listJobs(host)).filter((job) => job.run === run);
  for (const context of registry.all('context'))
    await attempts.make(async () => (await context.sweep?.(host, run, signal)) ?? []);
  await attempts.make(() => restoreTuning(host, run, signal));
  await attempts.make(async () => {
    await removeRun(host, run);
    return jobs.map((job) => `${job.running ? 'ended' : 'removed the files of'} job ${job.name}`);
  });
  const lines = attempts.done.map((line) => `${name}: ${line}`);
  if (attempts.failed.length > 0) throw new Kvm4nfvError('E_RUN_LEFT', [...lines, ...attempts.failed].join('\n'));
  return lines;
};

/** What can remove the leavings of contexts. */
export interface Sweepers {
  readonly registry: Registry;
  /** Why plug-ins of the run can't be loaded any more, a line each. */
  readonly lacking: readonly string[];
}

export interface CleanupOptions {
  readonly signal: AbortSignal;
  /** The user named this run: one whose controller is on another machine is seen to as well. Default: false. */
  readonly named?: boolean;
  /** For `${env:NAME}` in how hosts are reached. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** How the run's hosts are reached, and which are not known any more. */
const hostsOf = (
  { hosts }: RunStarted,
  env: Readonly<Record<string, string | undefined>>,
): { readonly specs: ReadonlyMap<string, HostSpec>; readonly unknown: readonly string[]; readonly hide: Redactor } => {
  const specs = new Map<string, HostSpec>();
  const unknown: string[] = [];
  const secrets: string[] = [];
  for (const [name, written] of Object.entries(hosts))
    try {
      const host = restoreHost(name, written, env);
      specs.set(name, host.spec);
      secrets.push(...host.secrets);
    } catch (error) {
      unknown.push(`${name}: ${messageOf(error)}`);
    }
  return { specs, unknown, hide: new Redactor(secrets) };
};

/** Ends what a killed run left on its hosts and removes its files there. Safe to repeat. */
export const cleanupRun = async (
  directory: string,
  sweepersOf: (plugins: readonly string[]) => Promise<Sweepers>,
  { signal, named = false, env = process.env }: CleanupOptions,
): Promise<CleanupReport> => {
  const run = path.basename(directory);
  let state: RunState | undefined;
  try {
    state = await readState(directory);
  } catch (error) {
    return { run, state: 'failed', lines: [messageOf(error)] };
  }
  if (state === undefined) return { run, state: 'clean', lines: ['it never began'] };
  const { started, finished, troubled } = state;
  const alive = finished ? false : await lives(started.controller);
  // A controller on another machine can't be asked: its run is left alone unless it is named.
  if (alive === true || (alive === undefined && !named))
    return {
      run,
      state: 'running',
      lines: [
        `process ${String(started.controller.pid)} of ${started.controller.host} runs it${alive === undefined ? ', as far as can be told from here' : ''}`,
      ],
    };
  if (finished && !troubled && !named) return { run, state: 'clean', lines: [] };
  const { specs, unknown, hide } = hostsOf(started, env);
  const { registry, lacking } = await sweepersOf(started.plugins);
  await registry.load('context');
  const ended = await Promise.allSettled(
    [...specs.keys()].map((name) => cleanHost(name, specs, started.runId, registry, signal)),
  );
  const lines = [
    ...ended.flatMap((end) => (end.status === 'fulfilled' ? end.value : [messageOf(end.reason)])),
    ...unknown,
    ...lacking.map((why) => `what its contexts left is not removed: ${why}`),
  ].map((line) => hide.text(line));
  const failed = lacking.length > 0 || unknown.length > 0 || ended.some(({ status }) => status === 'rejected');
  if (!failed && finished && !troubled && lines.length === 0) return { run, state: 'clean', lines };
  return { run, state: failed ? 'failed' : 'cleaned', lines };
};

/** The directories of runs below `results`, oldest first. */
export const runDirectories = async (results: string, only: readonly string[] = []): Promise<string[]> => {
  try {
    const entries = await readdir(results, { recursive: false, withFileTypes: true });
    const names = entries
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .sort();
    const unknown = only.filter((name) => !names.includes(name));
    if (unknown.length > 0)
      throw new Kvm4nfvError('E_NO_RUN', `no run ${unknown.join(', ')} in ${results}`, {
        hint: 'give the directory of the runs with --output',
      });
    const chosen = only.length === 0 ? names : [...only];
    const directories = await Promise.all(
      chosen.map(async (name) =>
        (await readdir(path.join(results, name))).includes(eventsFile) ? [path.join(results, name)] : [],
      ),
    );
    return directories.flat();
  } catch (error) {
    if (Kvm4nfvError.is(error)) throw error;
    throw new Kvm4nfvError('E_NO_RUN', `can't read ${results}: ${fileProblem(error)}`, {
      hint: 'give the directory of the runs with --output',
    });
  }
};
