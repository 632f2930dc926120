import { createReadStream } from 'node:fs';
import { formatCpuList, Kvm4nfvError, type Measurement, type Trial } from '../../lib/plugin.js';
import { cyclictestArgv, resultFile as cyclictestFile } from './cyclictest/argv.js';
import { complete } from './cyclictest/completeness.js';
import { type CyclictestOptions, binsOf, lengthOf as cyclictestLength } from './cyclictest/options.js';
import { parseCyclictest } from './cyclictest/parse.js';
import { readSamples } from './cyclictest/samples.js';
import { smiCounters } from './cyclictest/smi.js';
import { withSamples } from './cyclictest/stream.js';
import { helpOf } from './help.js';
import type { TimerOptions } from './options.js';
import { oslatArgv, resultFile as oslatFile } from './oslat/argv.js';
import { lengthOf as oslatLength, type OslatOptions } from './oslat/options.js';
import { parseOslat, parseOslatBreach } from './oslat/parse.js';
import { osnoiseArgv } from './osnoise/argv.js';
import { lengthOf as osnoiseLength, type OsnoiseOptions } from './osnoise/options.js';
import { osnoiseExpected, parseOsnoise, silentCpus } from './osnoise/parse.js';
import { timerlatArgv } from './timerlat/argv.js';
import { lengthOf as timerlatLength, type TimerlatOptions } from './timerlat/options.js';
import { parseTimerlat, timerlatExpected } from './timerlat/parse.js';
import { failure, requireLength, roomFor, runTool, type ToolRun } from './tool-run.js';
import { readWarnings } from './warnings.js';

const measurement = (
  argv: readonly string[],
  { warnings }: ToolRun,
  measured: Omit<Measurement, 'notes' | 'doubts'> & {
    readonly version?: string | undefined;
    readonly rounding?: string | undefined;
    readonly doubts?: readonly string[];
  },
): Measurement => {
  const { version, rounding, doubts = [], ...rest } = measured;
  const notes = {
    command: argv.join(' '),
    ...(version === undefined ? {} : { version }),
    ...(rounding === undefined ? {} : { rounding }),
    ...(warnings.notes.length === 0 ? {} : { warning: warnings.notes.join('; ') }),
  };
  return { ...rest, doubts: [...warnings.doubts, ...doubts], notes };
};

/** Each sample is three numbers: thread, cycle and latency. */
const sampleRoom = (options: CyclictestOptions, threads: number): number =>
  roomFor(3 * threads * (cyclictestLength(options) / options.interval + 1) + threads * binsOf(options));

const latencyWarning = /\/dev\/cpu_dma_latency/;

const withCyclictest = async (trial: Trial, options: CyclictestOptions): Promise<Measurement> => {
  const cpus = trial.cpus(options.cpus);
  const threads = options.threads ?? cpus.length;
  const argv = cyclictestArgv(options, {
    cpus: formatCpuList(cpus),
    threads,
    ...(options.main_affinity === undefined ? {} : { mainAffinity: formatCpuList(trial.cpus(options.main_affinity)) }),
  });
  const run = await runTool(trial, argv, {
    length: cyclictestLength(options),
    resultFile: cyclictestFile,
    numbers: threads * binsOf(options),
    threadsOn: cpus,
    // Asked for, it must be in force; else it is what cyclictest does on its own.
    fatal: typeof options.latency === 'number' ? [latencyWarning] : [],
  });
  if (run.result === undefined) throw await failure('cyclictest', run);
  const parsed = parseCyclictest(run.result, options);
  if (parsed.breach === undefined && options.duration !== undefined)
    requireLength('cyclictest', run.elapsed, options.duration);
  const { stream } = options;
  const asked = { cpus, threads };
  if (stream !== undefined) {
    const streamed = { ...options, stream };
    const stdout = createReadStream(await run.outputFile('stdout', sampleRoom(options, threads)), {
      signal: trial.signal,
    });
    const samples = withSamples(parsed, await readSamples(stdout, streamed), streamed);
    return measurement(argv, run, { ...complete(samples, options, asked), duration: run.elapsed });
  }
  const whole = complete(parsed, options, asked);
  const smi = options.smi ? smiCounters(await run.lastWords('stdout'), whole.metrics) : [];
  return measurement(argv, run, { ...whole, metrics: [...whole.metrics, ...smi], duration: run.elapsed });
};

const withOslat = async (trial: Trial, options: OslatOptions): Promise<Measurement> => {
  if (options.main_cpu !== undefined) trial.cpus(String(options.main_cpu));
  const cpus = trial.cpus(options.cpus);
  const argv = oslatArgv(options, formatCpuList(cpus));
  const run = await runTool(trial, argv, {
    length: oslatLength(options),
    resultFile: oslatFile,
    numbers: cpus.length * options.buckets,
    threadsOn: cpus,
  });
  const stopped =
    options.trace_threshold === undefined ? undefined : parseOslatBreach(await run.output('stderr'), cpus);
  if (stopped !== undefined) return measurement(argv, run, { ...stopped, duration: run.elapsed });
  if (run.result === undefined) throw await failure('oslat', run);
  const newer = async (): Promise<boolean> => (await helpOf(trial, ['oslat'])).options.has('--bucket-width');
  const parsed = parseOslat(
    run.result,
    options.bias ? await run.output('stdout') : '',
    options,
    /"rt_test_version:?": "2\.10"/.test(run.result) && (await newer()),
  );
  // Its threads stop a few ms before the time is up.
  requireLength('oslat', parsed.duration + 50e6, options.duration);
  const expected = cpus.map((cpu) => ({ metric: 'latency', labels: { cpu: String(cpu) } }));
  return measurement(argv, run, { ...parsed, expected });
};

const withTimerlat = async (trial: Trial, options: TimerlatOptions): Promise<Measurement> => {
  const help = await helpOf(trial, ['rtla', 'timerlat', 'hist']);
  if (!help.options.has('--cpus'))
    throw new Kvm4nfvError('E_OPTION_MISSING', 'rtla timerlat hist --help names no options: is it rtla?');
  const cpus = trial.cpus(options.cpus);
  const argv = timerlatArgv(options, {
    cpus: formatCpuList(cpus),
    ...(options.house_keeping === undefined ? {} : { houseKeeping: formatCpuList(trial.cpus(options.house_keeping)) }),
    has: (option) => help.options.has(option),
  });
  const run = await runTool(trial, argv, {
    length: timerlatLength(options),
    // Of each CPU at the IRQ, at the thread, and back in user space.
    numbers: 3 * cpus.length * options.entries,
    fatal: [latencyWarning],
  });
  const stdout = await run.output('stdout');
  if (!stdout.includes('RTLA timerlat histogram')) throw await failure('rtla', run);
  const parsed = parseTimerlat(stdout, options);
  // Newer versions exit with 2 where a limit stopped them.
  if (run.exitCode !== 0 && parsed.breach === undefined) throw await failure('rtla', run);
  if (parsed.breach === undefined) requireLength('rtla', run.elapsed, timerlatLength(options));
  else if (options.auto !== undefined) await run.keep('timerlat_trace.txt');
  return measurement(argv, run, {
    ...parsed,
    expected: timerlatExpected(options, cpus),
    doubts: readWarnings('rtla', stdout).doubts,
    duration: run.elapsed,
    version: help.version,
  });
};

const withOsnoise = async (trial: Trial, options: OsnoiseOptions): Promise<Measurement> => {
  const { version } = await helpOf(trial, ['rtla', 'osnoise', 'hist']);
  const cpus = trial.cpus(options.cpus);
  const argv = osnoiseArgv(options, {
    cpus: formatCpuList(cpus),
    ...(options.house_keeping === undefined ? {} : { houseKeeping: formatCpuList(trial.cpus(options.house_keeping)) }),
  });
  const run = await runTool(trial, argv, {
    length: osnoiseLength(options),
    numbers: cpus.length * options.entries,
  });
  const stdout = await run.output('stdout');
  if (!stdout.includes('RTLA osnoise histogram')) throw await failure('rtla', run);
  const parsed = parseOsnoise(stdout, options);
  if (run.exitCode !== 0 && parsed.breach === undefined) throw await failure('rtla', run);
  if (parsed.breach === undefined) requireLength('rtla', run.elapsed, osnoiseLength(options));
  else if (options.auto !== undefined) await run.keep('osnoise_trace.txt');
  return measurement(argv, run, {
    ...parsed,
    expected: osnoiseExpected(cpus),
    doubts: [...silentCpus(parsed, cpus), ...readWarnings('rtla', stdout).doubts],
    duration: run.elapsed,
    version,
  });
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
    case 'osnoise':
      return withOsnoise(trial, trial.options);
  }
};
