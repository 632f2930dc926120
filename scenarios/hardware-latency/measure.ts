import {
  formatCpuList,
  hwlatError,
  type JobResult,
  Kvm4nfvError,
  type Measurement,
  type Trial,
} from '../../lib/plugin.js';
import { hwlatArgv, hwlatExpected, parseHwlatRun } from './hwlat.js';
import { hwnoiseArgv, hwnoiseExpected, parseHwnoise } from './hwnoise.js';
import type { HardwareLatencyOptions, HwlatOptions, HwnoiseOptions } from './options.js';

interface Ran extends JobResult {
  readonly stdout: string;
  readonly stderr: string;
}

/** A minute more than it should take: it waits for the kernel. */
const patience = (length: number): number => length / 1e6 + 60_000;

const run = async (trial: Trial, argv: readonly string[], length: number): Promise<Ran> => {
  const { job, ended } = await trial.window(async () => {
    const started = await trial.start(argv, { root: true });
    return { job: started, ended: await started.wait({ timeout: patience(length), signal: trial.signal }) };
  });
  const options = { root: true, within: job.directory, signal: trial.signal };
  const read = (stream: string): Promise<string> => trial.sut.read(`${job.directory}/${stream}`, options);
  return { ...ended, stdout: await read('stdout'), stderr: await read('stderr') };
};

const elapsed = ({ startedAt, endedAt }: JobResult): number => Number(endedAt - startedAt);

const withHwlat = async (trial: Trial, options: HwlatOptions): Promise<Measurement> => {
  const cpus = trial.cpus(options.cpus);
  const ran = await run(trial, hwlatArgv(options, cpus), options.duration);
  const error = hwlatError(trial.sut.name, ran.exitCode, ran.stdout);
  if (error !== undefined) throw error;
  return {
    ...parseHwlatRun(ran.stdout, cpus),
    expected: hwlatExpected(options, cpus),
    duration: elapsed(ran),
    notes: { tracer: 'hwlat', kernel: trial.facts.kernel.release },
  };
};

const missed = /^.*events missed, results might not be accurate$/gm;

const withHwnoise = async (trial: Trial, options: HwnoiseOptions): Promise<Measurement> => {
  const cpus = trial.cpus(options.cpus);
  const argv = hwnoiseArgv(options, formatCpuList(cpus));
  const ran = await run(trial, argv, options.duration);
  if (ran.exitCode !== 0)
    throw new Kvm4nfvError(
      'E_TOOL_OUTPUT',
      `rtla hwnoise: exit ${String(ran.exitCode)}: ${ran.stderr.trim().split('\n').slice(-3).join('\n')}`,
    );
  return {
    metrics: parseHwnoise(ran.stdout),
    expected: hwnoiseExpected(options, cpus),
    doubts: [...ran.stdout.matchAll(missed)].map(([line]) => `rtla: ${line}`),
    duration: elapsed(ran),
    notes: { command: argv.join(' ') },
  };
};

/** Watches once with the tool that the options name. */
export const measure = (trial: Trial<HardwareLatencyOptions>): Promise<Measurement> =>
  trial.options.tool === 'hwlat' ? withHwlat(trial, trial.options) : withHwnoise(trial, trial.options);
