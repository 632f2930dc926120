import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, type JobResult, Kvm4nfvError, type Nanoseconds, type Trial } from '../../lib/plugin.js';
import { requirePlacement } from './placement.js';
import { readWarnings, type Warnings } from './warnings.js';

export interface ToolRun {
  /** Undefined where the tool wrote no such file, or failed. */
  readonly result: string | undefined;
  readonly exitCode: number;
  /** How long the tool ran, by the clock of the SUT. */
  readonly elapsed: Nanoseconds;
  readonly warnings: Warnings;
  /** What it printed; fetched when asked for. */
  readonly output: (stream: 'stdout' | 'stderr') => Promise<string>;
  /** The same as a file among the raw output, for what may be large; gives its path on this machine. */
  readonly outputFile: (stream: 'stdout' | 'stderr') => Promise<string>;
  /** Keeps a file that it may have written among the raw output; whether there was one. */
  readonly keep: (file: string) => Promise<boolean>;
}

/** A tool is given this much longer than it should take: it warms up, and a loaded machine is slow. */
const patience = (length: Nanoseconds): number => 60_000 + (length / 1e6) * 1.5;

/** Threads are looked at when they must have got going: in the middle of a short window, after a second of a long one. */
const look = (length: Nanoseconds): number => Math.min(1000, length / 2e6);

/** Waits for the job, and looks meanwhile where its threads run. What it could not look at is no fault of the measurement. */
const watch = async (
  trial: Trial,
  job: Job,
  { length, threadsOn }: { readonly length: Nanoseconds; readonly threadsOn: readonly number[] | undefined },
): Promise<JobResult> => {
  const over = new AbortController();
  const again = (): Promise<void> =>
    sleep(look(length), undefined, { signal: AbortSignal.any([trial.signal, over.signal]) });
  const looked = (async (): Promise<void> => {
    if (threadsOn === undefined) return;
    await again();
    await requirePlacement(trial.sut, job, { cpus: threadsOn, again, signal: trial.signal });
  })().catch((error: unknown) => {
    if (Kvm4nfvError.is(error) && error.fault === 'environment') throw error;
  });
  const ended = job.wait({ timeout: patience(length), signal: trial.signal }).finally(() => {
    over.abort();
  });
  const [result] = await Promise.all([ended, looked]);
  return result;
};

/** Warnings come first, and what a tool says without end is not read to its end. */
const warningsOf = async (trial: Trial, job: Job): Promise<string> => {
  const { stdout } = await trial.sut.exec(['head', '-c', '65536', `${job.directory}/stderr`], {
    root: true,
    check: false,
    signal: trial.signal,
    timeout: 60_000,
  });
  return stdout;
};

/**
 * Runs a tool in the window of the trial as a detached job on the SUT and fetches what it wrote. Fault `tool` where it was killed,
 * `environment` where it warns that the machine could not do what was asked for, or where its threads run elsewhere than on `threadsOn`.
 */
export const runTool = async (
  trial: Trial,
  argv: readonly string[],
  options: {
    readonly length: Nanoseconds;
    readonly resultFile?: string;
    /** CPUs of its threads beside the first, where they are to be looked at. */
    readonly threadsOn?: readonly number[];
    /** Warnings that are none with other options. */
    readonly fatal?: readonly RegExp[];
  },
): Promise<ToolRun> => {
  const [tool = ''] = argv;
  const { job, ended } = await trial.window(async () => {
    const started = await trial.start(argv, { root: true });
    return {
      job: started,
      ended: await watch(trial, started, { length: options.length, threadsOn: options.threadsOn }),
    };
  });
  const { exitCode } = ended;
  const warnings = readWarnings(tool, await warningsOf(trial, job), options.fatal);
  if (exitCode === undefined)
    throw new Kvm4nfvError('E_TOOL_KILLED', `${tool} was killed by signal ${ended.signal ?? 'unknown'}`, {
      hint: 'its raw output is kept',
    });
  const kept = async (file: string): Promise<string | undefined> => {
    try {
      return await trial.keep(`${job.directory}/${file}`, file);
    } catch (error) {
      if (trial.signal.aborted || (Kvm4nfvError.is(error) && error.fault === 'unreachable')) throw error;
      return undefined;
    }
  };
  const fetchResult = async (file: string): Promise<string | undefined> => {
    const local = await kept(file);
    return local === undefined ? undefined : readFile(local, 'utf8');
  };
  const file = options.resultFile;
  return {
    // A tool that fails writes none.
    result: file === undefined || exitCode !== 0 ? undefined : await fetchResult(file),
    exitCode,
    elapsed: Number(ended.endedAt - ended.startedAt),
    warnings,
    output: (stream) => trial.sut.read(`${job.directory}/${stream}`, { root: true }),
    outputFile: (stream) => trial.keep(`${job.directory}/${stream}`, `${stream}.txt`),
    keep: async (file) => (await kept(file)) !== undefined,
  };
};

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('\n');

/** The error of a tool that gave no result. */
export const failure = async (tool: string, run: ToolRun): Promise<Kvm4nfvError> => {
  const said = lastLines(await run.output('stderr')) || lastLines(await run.output('stdout')) || 'it said nothing';
  return new Kvm4nfvError('E_TOOL_OUTPUT', `${tool}: exit ${String(run.exitCode)} without a result: ${said}`);
};

/** A tool that was to run for `length` did; a killed one may end with a result and exit 0. */
export const requireLength = (tool: string, elapsed: Nanoseconds, length: Nanoseconds): void => {
  if (elapsed >= length * 0.99) return;
  throw new Kvm4nfvError(
    'E_TOOL_SHORT',
    `${tool} ended after ${(elapsed / 1e9).toFixed(2)} s of ${String(length / 1e9)} s`,
    {
      hint: 'something on the machine ended it',
    },
  );
};
