import { readFile } from 'node:fs/promises';
import { Kvm4nfvError, type Nanoseconds, type Trial } from '../../lib/plugin.js';

export interface ToolRun {
  /** Undefined where the tool wrote no such file. */
  readonly result: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
  /** How long the tool ran, by the clock of the SUT. */
  readonly elapsed: Nanoseconds;
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
  const fetch = async (file: string, as: string): Promise<string> =>
    readFile(await trial.keep(`${job.directory}/${file}`, as), 'utf8');
  const stdout = await fetch('stdout', `${tool}.stdout`);
  const stderr = await fetch('stderr', `${tool}.stderr`);
  if (ended.exitCode === undefined)
    throw new Kvm4nfvError('tool', `${tool} was killed by signal ${ended.signal ?? 'unknown'}`, {
      hint: 'its raw output is kept',
    });
  const file = options.resultFile;
  // A tool that fails writes none; asking for it would report the missing file, not the failure.
  const there =
    file !== undefined &&
    (await trial.sut.exec(['test', '-f', `${job.directory}/${file}`], { check: false })).exitCode === 0;
  const result = there ? await fetch(file, file) : undefined;
  return { result, stdout, stderr, exitCode: ended.exitCode, elapsed: Number(ended.endedAt - ended.startedAt) };
};

const lastLines = (text: string): string => text.trim().split('\n').slice(-3).join('\n');

/** The error of a tool that gave no result. */
export const failure = (tool: string, run: ToolRun): Kvm4nfvError =>
  new Kvm4nfvError(
    'tool',
    `${tool}: exit ${String(run.exitCode)} without a result: ${lastLines(run.stderr) || lastLines(run.stdout) || 'it said nothing'}`,
  );

/** A tool that was to run for `length` did; a killed one may end with a result and exit 0. */
export const requireLength = (tool: string, elapsed: Nanoseconds, length: Nanoseconds): void => {
  if (elapsed >= length * 0.99) return;
  throw new Kvm4nfvError('tool', `${tool} ended after ${(elapsed / 1e9).toFixed(2)} s of ${String(length / 1e9)} s`, {
    hint: 'something on the machine ended it',
  });
};
