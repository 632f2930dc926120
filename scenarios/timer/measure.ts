import { createReadStream } from 'node:fs';
import {
  formatCpuList,
  type Interval,
  Kvm4nfvError,
  type Measurement,
  type Metric,
  type Trial,
} from '../../lib/plugin.js';
import { cyclictestArgv, resultFile as cyclictestFile } from './cyclictest/argv.js';
import { type CyclictestOptions, lengthOf as cyclictestLength } from './cyclictest/options.js';
import { parseCyclictest } from './cyclictest/parse.js';
import { readSamples } from './cyclictest/samples.js';
import { withSamples } from './cyclictest/stream.js';
import type { TimerOptions } from './options.js';
import { oslatArgv, resultFile as oslatFile } from './oslat/argv.js';
import { lengthOf as oslatLength, type OslatOptions } from './oslat/options.js';
import { parseOslat, parseOslatBreach } from './oslat/parse.js';
import { optionsIn, timerlatArgv } from './timerlat/argv.js';
import { lengthOf as timerlatLength, type TimerlatOptions } from './timerlat/options.js';
import { parseTimerlat } from './timerlat/parse.js';
import { failure, requireLength, runTool } from './tool-run.js';

const measurement = (
  argv: readonly string[],
  measured: {
    readonly metrics: readonly Metric[];
    readonly intervals?: readonly Interval[];
    readonly duration: number;
    readonly breach?: string;
    readonly version?: string;
  },
): Measurement => {
  const { version, ...rest } = measured;
  return { ...rest, notes: { command: argv.join(' '), ...(version === undefined ? {} : { version }) } };
};

const withCyclictest = async (trial: Trial, options: CyclictestOptions): Promise<Measurement> => {
  const cpus = trial.cpus(options.cpus);
  const argv = cyclictestArgv(options, {
    cpus: formatCpuList(cpus),
    threads: options.threads ?? cpus.length,
    ...(options.main_affinity === undefined ? {} : { mainAffinity: formatCpuList(trial.cpus(options.main_affinity)) }),
  });
  const run = await runTool(trial, argv, { length: cyclictestLength(options), resultFile: cyclictestFile });
  if (run.result === undefined) throw await failure('cyclictest', run);
  const parsed = parseCyclictest(run.result, options);
  if (parsed.breach === undefined && options.duration !== undefined)
    requireLength('cyclictest', run.elapsed, options.duration);
  const { stream } = options;
  if (stream === undefined) return measurement(argv, { ...parsed, duration: run.elapsed });
  const asked = { ...options, stream };
  const samples = await readSamples(createReadStream(await run.outputFile('stdout'), { signal: trial.signal }), asked);
  return measurement(argv, { ...withSamples(parsed, samples, asked), duration: run.elapsed });
};

const withOslat = async (trial: Trial, options: OslatOptions): Promise<Measurement> => {
  if (options.main_cpu !== undefined) trial.cpus(String(options.main_cpu));
  const argv = oslatArgv(options, formatCpuList(trial.cpus(options.cpus)));
  const run = await runTool(trial, argv, { length: oslatLength(options), resultFile: oslatFile });
  const stopped = options.trace_threshold === undefined ? undefined : parseOslatBreach(await run.output('stderr'));
  if (stopped !== undefined) return measurement(argv, { ...stopped, duration: run.elapsed });
  if (run.result === undefined) throw await failure('oslat', run);
  const parsed = parseOslat(run.result, options.bias ? await run.output('stdout') : '', options);
  // Its threads stop a few ms before the time is up.
  requireLength('oslat', parsed.duration + 50e6, options.duration);
  return measurement(argv, parsed);
};

const withTimerlat = async (trial: Trial, options: TimerlatOptions): Promise<Measurement> => {
  const help = await trial.sut.exec(['rtla', 'timerlat', 'hist', '--help'], {
    check: false,
    signal: trial.signal,
    timeout: 30_000,
  });
  const known = optionsIn(`${help.stdout}\n${help.stderr}`);
  if (!known.has('--cpus'))
    throw new Kvm4nfvError('environment', 'rtla timerlat hist --help names no options: is it rtla?');
  const argv = timerlatArgv(options, {
    cpus: formatCpuList(trial.cpus(options.cpus)),
    ...(options.house_keeping === undefined ? {} : { houseKeeping: formatCpuList(trial.cpus(options.house_keeping)) }),
    has: (option) => known.has(option),
  });
  const run = await runTool(trial, argv, { length: timerlatLength(options) });
  const says = /\(version ([^)]+)\)/.exec(`${help.stdout}\n${help.stderr}`)?.[1];
  const stdout = await run.output('stdout');
  if (!stdout.includes('RTLA timerlat histogram')) throw await failure('rtla', run);
  const parsed = parseTimerlat(stdout, options);
  // Newer versions exit with 2 where a limit stopped them.
  if (run.exitCode !== 0 && parsed.breach === undefined) throw await failure('rtla', run);
  if (parsed.breach === undefined) requireLength('rtla', run.elapsed, timerlatLength(options));
  return measurement(argv, { ...parsed, duration: run.elapsed, ...(says === undefined ? {} : { version: says }) });
};

/** Measures once with the tool that the options name. */
export const measure = (trial: Trial<TimerOptions>): Promise<Measurement> => {
  switch (trial.options.tool) {
    case 'cyclictest':
      return withCyclictest(trial, trial.options);
    case 'oslat':
      return withOslat(trial, trial.options);
    case 'timerlat':
      return withTimerlat(trial, trial.options);
  }
};
