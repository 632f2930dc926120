import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../error.js';
import { checkResult, type Command } from './command.js';
import {
  CommandError,
  HostGoneError,
  UnreachableError,
  type ExecResult,
  type Host,
  type Job,
  type JobResult,
  type JobSpec,
} from './host.js';
import { attachScript, cancelScript, runningScript, startScript, superviseScript, waitScript } from './job-scripts.js';
import { signalName } from './signal-name.js';
import { SudoError } from './sudo.js';
import { assertTrusted } from './trust.js';

const names = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
const defaultGrace = 5000;
const startDeadline = 30_000;

/** Names become paths on the host: nothing else may get in. */
export const checkName = (what: string, name: string): string => {
  if (names.test(name) && name.length <= 128) return name;
  throw new Kvm4nfvError('E_JOB_NAME', `not a ${what}: ${JSON.stringify(name)}`, {
    hint: 'use letters, digits, dots, dashes and underscores',
  });
};

/** `<exit> <started> <ended> <cpu>`; the shell gives 128 and the signal's number for a signal. */
export const parseStatus = (text: string): JobResult | undefined => {
  const match = /^(\d+) (\d+) (\d+) (\d+)\n$/.exec(text);
  if (match === null) return undefined;
  const code = Number(match[1]);
  const signal = signalName(code - 128);
  const ended = signal === undefined ? { exitCode: code, signal } : { exitCode: undefined, signal };
  return { ...ended, startedAt: BigInt(match[2] ?? 0), endedAt: BigInt(match[3] ?? 0), overhead: Number(match[4]) };
};

/** What jobs need of the host that they run on. */
interface JobHost extends Host {
  run(command: Command): Promise<ExecResult>;
  /** Names of jobs whose files are there. */
  readonly unremoved: Set<string>;
}

class DetachedJob implements Job {
  readonly name: string;
  readonly host: JobHost;
  readonly directory: string;
  readonly pid: number;
  readonly #run: string;
  readonly #root: boolean;
  #result: JobResult | undefined;

  constructor(host: JobHost, run: string, name: string, place: { directory: string; pid: number; root: boolean }) {
    this.host = host;
    this.#run = run;
    this.name = name;
    this.directory = place.directory;
    this.pid = place.pid;
    this.#root = place.root;
  }

  get #marker(): string {
    return `KVM4NFV_JOB=${this.#run}/${this.name}`;
  }

  async running(): Promise<boolean> {
    const argv = ['sh', '-c', runningScript, 'sh', this.directory, this.#marker];
    const { stdout } = checkResult(
      this.host.name,
      await this.host.run({ argv, root: this.#root, repeatable: true, timeout: startDeadline }),
    );
    return stdout.startsWith('yes');
  }

  async wait(options: { readonly timeout?: number; readonly signal?: AbortSignal } = {}): Promise<JobResult> {
    if (this.#result !== undefined) return this.#result;
    const argv = ['sh', '-c', waitScript, 'sh', this.directory];
    const result = await this.#waited(
      () => this.host.run({ argv, root: this.#root, repeatable: true, waits: true, ...options }),
      options.timeout,
    );
    if (result.exitCode !== 0)
      throw new Kvm4nfvError(
        'E_JOB_LOST',
        `${this.host.name}: job ${this.name}: its directory ${this.directory} is gone`,
        {
          cause: new CommandError(this.host.name, result),
        },
      );
    const status = parseStatus(result.stdout);
    if (status === undefined)
      throw new Kvm4nfvError(
        'E_JOB_LOST',
        `${this.host.name}: job ${this.name}: its supervisor was killed, so nobody knows how the tool ended`,
        { hint: `see ${this.directory} on ${this.host.name}` },
      );
    this.#result = status;
    return status;
  }

  async #waited(wait: () => Promise<ExecResult>, timeout: number | undefined): Promise<ExecResult> {
    const until = timeout === undefined ? Infinity : Date.now() + timeout;
    try {
      return await wait();
    } catch (error) {
      if (Kvm4nfvError.is(error) && error.fault === 'tool' && Date.now() >= until)
        throw new Kvm4nfvError(
          'E_TIMEOUT',
          `${this.host.name}: job ${this.name} still runs after ${String((timeout ?? 0) / 1000)} s`,
          { cause: error },
        );
      throw error;
    }
  }

  cancel(options: { readonly grace?: number } = {}): Promise<void> {
    return this.#end(options.grace ?? defaultGrace, false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end(defaultGrace, true);
  }

  async #end(grace: number, remove: boolean): Promise<void> {
    const argv = [
      'sh',
      '-c',
      cancelScript,
      'sh',
      this.directory,
      this.#marker,
      String(Math.ceil(grace / 10)),
      remove ? 'remove' : '',
    ];
    const result = await this.host
      .run({ argv, root: this.#root, repeatable: true, timeout: grace + startDeadline })
      .catch((error: unknown) => {
        // With its host the job has ended, and its directory is gone.
        if (error instanceof HostGoneError) return undefined;
        throw error;
      });
    if (result === undefined || result.exitCode === 0) {
      if (remove) this.host.unremoved.delete(this.name);
      return;
    }
    throw new Kvm4nfvError('E_JOB_END', `${this.host.name}: job ${this.name} can't be ended: ${result.stderr.trim()}`, {
      cause: new CommandError(this.host.name, result),
      hint: `processes with ${this.#marker} in their environment are left`,
    });
  }
}

const placeOf = (
  host: JobHost,
  name: string,
  result: ExecResult,
  root: boolean,
): { directory: string; pid: number; root: boolean } => {
  const [directory = '', pid = ''] = result.stdout.split('\n');
  if (!/^\d+$/.test(pid))
    throw new Kvm4nfvError(
      'E_JOB_START',
      `${host.name}: the supervisor of job ${name} did not start: ${result.stderr.trim()}`,
      { cause: new CommandError(host.name, result), hint: 'setsid and flock (package util-linux) must be there' },
    );
  return { directory, pid: Number(pid), root };
};

/** Starts a detached job in one round trip. */
export const startJob = async (host: JobHost, spec: JobSpec): Promise<Job> => {
  const run = checkName('run id', spec.run);
  const name = checkName('job name', spec.name);
  const root = spec.root ?? false;
  const env = Object.entries(spec.env ?? {}).map(([key, value]) => `${key}=${value}`);
  const argv = [
    'sh',
    '-c',
    startScript,
    'sh',
    run,
    name,
    superviseScript,
    ...(env.length === 0 ? [] : ['env', ...env]),
    ...spec.argv,
  ];
  let result: ExecResult;
  try {
    result = await host.run({ argv, root, timeout: startDeadline });
  } catch (error) {
    // The connection was lost before the answer came, and the job may run all the same: its name tells.
    const running = error instanceof UnreachableError ? await findJob(host, run, name) : undefined;
    if (running === undefined) throw error;
    return running;
  }
  if (result.exitCode === 0) return new DetachedJob(host, run, name, placeOf(host, name, result, root));
  assertTrusted(host.name, result);
  throw new Kvm4nfvError(
    'E_JOB_START',
    `${host.name}: job ${name} of run ${run} can't be started: ${messageOf(new CommandError(host.name, result))}`,
  );
};

const tries = 3;
const betweenTries = 500;

/** A job that is there, or is on its way to be; undefined where there is none, or its host can't be asked. */
const findJob = async (host: JobHost, run: string, name: string): Promise<Job | undefined> => {
  for (let left = tries; left > 0; left -= 1) {
    const job = await attachJob(host, run, name).catch(() => undefined);
    if (job !== undefined || left === 1) return job;
    await sleep(betweenTries);
  }
  return undefined;
};

/** Finds a job again that this controller or an earlier one started. */
export const attachJob = async (host: JobHost, run: string, name: string): Promise<Job> => {
  const argv = ['sh', '-c', attachScript, 'sh', checkName('run id', run), checkName('job name', name)];
  for (const root of [false, true]) {
    const result = await host.run({ argv, root, repeatable: true, timeout: startDeadline }).catch((error: unknown) => {
      // Who may not be root has no jobs of root.
      if (error instanceof SudoError) return undefined;
      throw error;
    });
    if (result?.exitCode === 0) return new DetachedJob(host, run, name, placeOf(host, name, result, root));
  }
  throw new Kvm4nfvError('E_NO_JOB', `${host.name}: there is no job ${name} of run ${run}`);
};
