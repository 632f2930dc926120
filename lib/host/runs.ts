import { Kvm4nfvError } from '../error.js';
import { CommandError, type ExecOptions, type ExecResult, type Host } from './host.js';
import { slownessOf, stretched } from './patience.js';
import { checkName } from './job.js';
import { markersOf } from './command.js';
import { baseScript, listScript, removeRunScript, settleScript } from './job-scripts.js';

/** A job that some controller left on a host. */
export interface ListedJob {
  readonly run: string;
  readonly name: string;
  readonly running: boolean;
}

const deadline = 30_000;
const grace = 5000;

/**
 * The directory of all jobs that this user starts on a host: /run/kvm4nfv as root, else /tmp/kvm4nfv-<uid>. Each job has
 * `<run>/<name>` below it.
 */
export const stateDirectory = async (host: Host): Promise<string> =>
  (await host.exec(['sh', '-c', baseScript], { timeout: deadline })).stdout;

/** Runs a script as the user and, where jobs of root may be, as root; root's turn may fail for want of sudo. */
const asEachUser = async (host: Host, argv: readonly string[], timeout: number): Promise<readonly ExecResult[]> => {
  const own = await host.exec(argv, { timeout });
  const { exitCode } = await host.exec(['sh', '-c', '[ "$(id -u)" != 0 ] && [ -d /run/kvm4nfv ] && sudo -n true'], {
    check: false,
    timeout,
  });
  return exitCode === 0 ? [own, await host.exec(argv, { timeout, root: true })] : [own];
};

/** All jobs on a host, of every run. */
export const listJobs = async (host: Host): Promise<readonly ListedJob[]> => {
  const results = await asEachUser(host, ['sh', '-c', listScript], deadline);
  return results.flatMap(({ stdout }) =>
    stdout.split('\n').flatMap((line) => {
      const [run, name, running] = line.split(' ');
      return run === undefined || name === undefined || running === undefined
        ? []
        : [{ run, name, running: running === 'yes' }];
    }),
  );
};

const settleWithin = 150_000;

/** Exit status of the script whose time is over. */
const stillThere = 75;

/** Waits for them, as long as a host so slow is given. */
const waitForThem = async (host: Host, run: string, options: ExecOptions): Promise<void> => {
  const within = async (milliseconds: number): Promise<void> => {
    const seconds = String(Math.ceil(milliseconds / 1000));
    const argv = ['sh', '-c', settleScript, 'sh', markersOf(run), seconds];
    await host.exec(argv, { ...options, timeout: milliseconds + deadline });
  };
  try {
    await within(settleWithin);
  } catch (error) {
    if (!(error instanceof CommandError && error.result.exitCode === stillThere)) throw error;
    const more = stretched(settleWithin, await slownessOf(host)) - settleWithin;
    if (more < 1000) throw error;
    await within(more);
  }
};

/**
 * Waits until the commands that a killed controller had given have ended, those included that a login shell or sudo is about
 * to start, but for jobs and builds: what they are about to do can be undone only afterwards. A `teardown` error where that
 * takes more than 150 s, or more than that on a slow host.
 */
export const settle = async (host: Host, run: string, signal?: AbortSignal): Promise<void> => {
  const options = signal === undefined ? {} : { signal };
  checkName('run id', run);
  try {
    await waitForThem(host, run, options);
    // What went through sudo shows its environment to root alone.
    const { exitCode } = await host.exec(['sh', '-c', '[ "$(id -u)" != 0 ] && sudo -n true'], {
      check: false,
      timeout: deadline,
    });
    if (exitCode === 0) await waitForThem(host, run, { ...options, root: true });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Kvm4nfvError(
      'E_JOB_END',
      `${host.name}: commands of run ${run} still run: ${error.result.stdout.trim().replaceAll('\n', '; ')}`,
      { cause: error, hint: 'wait for them or end them, then clean up again' },
    );
  }
};

/** Ends all jobs of a run, children included, and removes what they left. A run that is not there is no error. */
export const removeRun = async (host: Host, run: string): Promise<void> => {
  const argv = ['sh', '-c', removeRunScript, 'sh', checkName('run id', run), String(grace / 10)];
  try {
    // Each job may use up its grace.
    await asEachUser(host, argv, 20 * grace + deadline);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new Kvm4nfvError(
      'E_JOB_END',
      `${host.name}: jobs of run ${run} can't be ended: ${error.result.stderr.trim()}`,
      { cause: error },
    );
  }
};
