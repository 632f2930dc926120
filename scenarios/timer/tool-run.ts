import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  HostFileError,
  type Job,
  type JobResult,
  Kvm4nfvError,
  maxWords,
  type Nanoseconds,
  type Trial,
} from '../../lib/plugin.js';
import { requirePlacement } from './placement.js';
import { readWarnings, type Warnings } from './warnings.js';

type Stream = 'stdout' | 'stderr';

export interface ToolRun {
  /** Undefined where the tool wrote no such file, or failed. */
  readonly result: string | undefined;
  readonly exitCode: number;
  /** How long the tool ran, by the clock of the SUT. */
  readonly elapsed: Nanoseconds;
  readonly warnings: Warnings;
  /** What it printed; fetched when asked for. Fault `tool` where it is more than can be a result. */
  readonly output: (stream: Stream) => Promise<string>;
  /** The last of what it printed, however much that is. */
  readonly lastWords: (stream: Stream) => Promise<string>;
  /** All as a file among the raw output, for what may be large, up to `limit` bytes; gives its path on this machine. */
  readonly outputFile: (stream: Stream, limit: number) => Promise<string>;
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

/** Bytes of a number with what stands around it in JSON or a table, and of all that is none of these. */
const room = { number: 40, rest: 2 ** 20 };
/** Bytes. A text of more could not be taken apart in memory. */
const largestResult = 256 * 2 ** 20;

/** Bytes that a tool with so many numbers to tell may write. */
export const roomFor = (numbers: number): number => room.rest + Math.ceil(numbers) * room.number;

const spoilt = (tool: string, file: string, error: HostFileError): Kvm4nfvError =>
  new Kvm4nfvError('tool', `${tool}: its ${file} can't be taken: ${error.reason}`, { cause: error });

/** What a tool said and its result, in one round trip; undefined where either is not what it should be, which is told when it is asked for alone. */
const keepTogether = async (
  trial: Trial,
  job: Job,
  file: string,
  limit: number,
): Promise<{ readonly stderr: string; readonly result: string } | undefined> => {
  try {
    const [stderr = '', result = ''] = await trial.keepAll([
      [`${job.directory}/stderr`, 'stderr.txt', { limit: maxWords, cut: true }],
      [`${job.directory}/${file}`, file, { limit }],
    ]);
    if ((await stat(stderr)).size > maxWords) return undefined;
    return { stderr: await readFile(stderr, 'utf8'), result: await readFile(result, 'utf8') };
  } catch (error) {
    if (error instanceof HostFileError) return undefined;
    throw error;
  }
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
    /** Numbers that its result may have: a count for each bin of each thread. */
    readonly numbers: number;
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
  const limit = Math.min(roomFor(options.numbers), largestResult);
  // What it left in the place of a file, or too much of it, is the tool's fault.
  const read = async (stream: Stream, most: number, cut: boolean): Promise<string> => {
    const path = `${job.directory}/${stream}`;
    try {
      const { signal } = trial;
      return await trial.sut.read(path, { root: true, limit: most, cut, within: job.directory, signal });
    } catch (error) {
      throw error instanceof HostFileError ? spoilt(tool, stream, error) : error;
    }
  };
  const file = options.resultFile;
  const together = exitCode === 0 && file !== undefined ? await keepTogether(trial, job, file, limit) : undefined;
  // Of what it says without end the middle is not looked at.
  const said = together?.stderr ?? (await read('stderr', maxWords, true));
  const warnings = readWarnings(tool, said, options.fatal);
  if (exitCode === undefined)
    throw new Kvm4nfvError('E_TOOL_KILLED', `${tool} was killed by signal ${ended.signal ?? 'unknown'}`, {
      hint: 'its raw output is kept',
    });
  const kept = async (file: string, whole: boolean): Promise<string | undefined> => {
    try {
      return await trial.keep(`${job.directory}/${file}`, file, whole ? { limit } : { cut: true });
    } catch (error) {
      if (!(error instanceof HostFileError)) throw error;
      if (error.absent) return undefined;
      throw spoilt(tool, file, error);
    }
  };
  const fetchResult = async (file: string): Promise<string | undefined> => {
    const local = await kept(file, true);
    return local === undefined ? undefined : readFile(local, 'utf8');
  };
  return {
    // A tool that fails writes none.
    result: file === undefined || exitCode !== 0 ? undefined : (together?.result ?? (await fetchResult(file))),
    exitCode,
    elapsed: Number(ended.endedAt - ended.startedAt),
    warnings,
    output: (stream) => read(stream, limit, false),
    lastWords: (stream) => read(stream, maxWords, true),
    outputFile: (stream, most) => trial.keep(`${job.directory}/${stream}`, `${stream}.txt`, { limit: most }),
    keep: async (file) => (await kept(file, false)) !== undefined,
  };
};

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('\n');

/** The error of a tool that gave no result. */
export const failure = async (tool: string, run: ToolRun): Promise<Kvm4nfvError> => {
  const said =
    lastLines(await run.lastWords('stderr')) || lastLines(await run.lastWords('stdout')) || 'it said nothing';
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
