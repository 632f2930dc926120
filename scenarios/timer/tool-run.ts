import { readFile } from 'node:fs/promises';
import { Kvm4nfvError, type Nanoseconds, type Trial } from '../../lib/plugin.js';

export interface ToolRun {
  /** Undefined where the tool wrote no such file, or failed. */
  readonly result: string | undefined;
  readonly exitCode: number;
  /** How long the tool ran, by the clock of the SUT. */
  readonly elapsed: Nanoseconds;
  /** What it printed; fetched when asked for. */
  readonly output: (stream: 'stdout' | 'stderr') => Promise<string>;
  /** The same as a file among the raw output, for what may be large; gives its path on this machine. */
  readonly outputFile: (stream: 'stdout' | 'stderr') => Promise<string>;
}

/** A tool is given this much longer than it should take: it warms up, and a loaded machine is slow. */
const patience = (length: Nanoseconds): number => 60_000 + (length / 1e6) * 1.5;

/**
 * Runs a tool in the window of the trial as a detached job on the SUT and fetches what it wrote. Fault `tool` where it was killed
 * or ended before the time it was given, unless `breach` says that this was asked for.
 */
export const runTool = async (
  trial: Trial,
  argv: readonly string[],
  options: { readonly length: Nanoseconds; readonly resultFile?: string },
): Promise<ToolRun> => {
  const [tool = ''] = argv;
  const { job, ended } = await trial.window(async () => {
    const started = await trial.start(argv, { root: true });
    return { job: started, ended: await started.wait({ timeout: patience(options.length), signal: trial.signal }) };
  });
  const { exitCode } = ended;
  if (exitCode === undefined)
    throw new Kvm4nfvError('tool', `${tool} was killed by signal ${ended.signal ?? 'unknown'}`, {
      hint: 'its raw output is kept',
    });
  const fetchResult = async (file: string): Promise<string | undefined> => {
    try {
      return await readFile(await trial.keep(`${job.directory}/${file}`, file), 'utf8');
    } catch (error) {
      if (trial.signal.aborted || (Kvm4nfvError.is(error) && error.fault === 'unreachable')) throw error;
      return undefined;
    }
  };
  const file = options.resultFile;
  return {
    // A tool that fails writes none.
    result: file === undefined || exitCode !== 0 ? undefined : await fetchResult(file),
    exitCode,
    elapsed: Number(ended.endedAt - ended.startedAt),
    output: (stream) => trial.sut.read(`${job.directory}/${stream}`, { root: true }),
    outputFile: (stream) => trial.keep(`${job.directory}/${stream}`, `${stream}.txt`),
  };
};

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('\n');

/** The error of a tool that gave no result. */
export const failure = async (tool: string, run: ToolRun): Promise<Kvm4nfvError> => {
  const said = lastLines(await run.output('stderr')) || lastLines(await run.output('stdout')) || 'it said nothing';
  return new Kvm4nfvError('tool', `${tool}: exit ${String(run.exitCode)} without a result: ${said}`);
};

/** A tool that was to run for `length` did; a killed one may end with a result and exit 0. */
export const requireLength = (tool: string, elapsed: Nanoseconds, length: Nanoseconds): void => {
  if (elapsed >= length * 0.99) return;
  throw new Kvm4nfvError('tool', `${tool} ended after ${(elapsed / 1e9).toFixed(2)} s of ${String(length / 1e9)} s`, {
    hint: 'something on the machine ended it',
  });
};
