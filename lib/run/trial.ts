import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../error.js';
import { resolveCpus } from '../host/cpu-list.js';
import type { HostFacts } from '../host/facts.js';
import type { Host } from '../host/host.js';
import { describeLabels, shortfalls } from '../measure/completeness.js';
import type { Measurement } from '../measure/measurement.js';
import { requireSound } from '../measure/sound.js';
import { judge } from '../sla/sla.js';
import { worst, type Verdict } from '../sla/verdict.js';
import { Teardown } from '../teardown.js';
import { encodeMetrics } from './encode.js';
import { causeOfStop, troubleOf } from './fault.js';
import type { LoadSpec } from './load.js';
import type { PlannedTest } from './plan.js';
import { lostWords, RawFiles } from './raw-files.js';
import type { ResultTrial, SlaOutcome } from './result.js';
import type { TrialParameters } from './runner.js';
import type { Preview, Trial } from './scenario.js';
import { startLoad, type RunningLoad } from './stress.js';

export interface Machine {
  readonly host: Host;
  readonly facts: HostFacts;
}

export interface TrialSetting {
  readonly run: string;
  readonly id: string;
  readonly test: PlannedTest;
  readonly asked: TrialParameters;
  readonly sut: Machine;
  /** The machine of each load, in the order of the test's loads. */
  readonly loadMachines: readonly Machine[];
  /** The run's directory on this machine: once it is gone it is not made anew. */
  readonly root: string;
  /** The trial's, below it. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export interface TrialOutcome {
  readonly result: ResultTrial;
  readonly measurement?: Measurement;
}

// Stressors need a moment to get going, and must outlive the tool rather than the other way round.
const loadMargin = 500;

interface Window {
  readonly cpu: number;
  readonly window: number;
  readonly share: number;
}

const withLoads = async <T>(
  setting: TrialSetting,
  body: () => Promise<T>,
): Promise<{ value: T; commands: string[] }> => {
  const { run, id, test, loadMachines, signal } = setting;
  const loads: RunningLoad[] = [];
  const start = async (spec: LoadSpec, position: number): Promise<void> => {
    const machine = loadMachines[position] ?? setting.sut;
    const load = await startLoad(machine.host, machine.facts, spec, {
      run,
      name: `${id}-load${String(position)}`,
      signal,
    });
    if (load !== undefined) loads.push(load);
  };
  try {
    for (const [position, spec] of test.load.entries()) await start(spec, position);
    if (loads.length > 0) await sleep(loadMargin, undefined, { signal });
    const value = await body();
    if (loads.length > 0) await sleep(loadMargin, undefined, { signal });
    for (const load of loads) await load.check();
    return { value, commands: loads.map(({ argv }) => argv.join(' ')) };
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
  }
};

const undeclared = ({ scenario }: PlannedTest, options: unknown, { metrics }: Measurement): string[] =>
  scenario
    .metrics(options)
    .filter(({ name }) => !metrics.some((metric) => metric.name === name))
    .map(({ name }) => `${name} was not measured`);

const empty = ({ metrics }: Measurement): string[] =>
  metrics
    .filter((metric) => metric.kind === 'histogram' && metric.histogram.count === 0)
    .map(({ name, labels }) => `${name} has no samples${describeLabels(labels)}`);

// Timers of tool and machine differ by their start-up; a trial that misses more than this of its time was cut short.
const durationTolerance = 0.98;

const tooShort = (measurement: Measurement, { duration }: Preview): string[] =>
  duration === undefined || measurement.breach !== undefined || measurement.duration >= duration * durationTolerance
    ? []
    : [`measured for ${(measurement.duration / 1e9).toFixed(3)} s of the ${(duration / 1e9).toFixed(3)} s asked for`];

const whyMissed = ({ expression, reason }: SlaOutcome): string => `${expression}: ${reason ?? 'no data'}`;

/** The verdict on a measurement: a breached limit of the tool fails, no data and too little of it never passes, then the SLAs. */
export const assess = (
  test: PlannedTest,
  options: unknown,
  measurement: Measurement,
): { verdict: Verdict; reasons: string[]; sla: SlaOutcome[] } => {
  const preview = test.scenario.preview(options);
  const { breach, doubts = [] } = measurement;
  const lacking = [
    ...undeclared(test, options, measurement),
    ...shortfalls(measurement),
    ...empty(measurement),
    ...tooShort(measurement, preview),
    ...doubts,
  ];
  const declared = test.scenario.metrics(options);
  const sla = test.sla.map((one): SlaOutcome => {
    const { observed = null, ...judgement } = judge(one, measurement, declared);
    return { severity: one.severity, observed, ...judgement };
  });
  const missed = sla.filter(({ verdict }) => verdict !== 'pass');
  const told = missed.map(whyMissed);
  // A limit was broken, whatever else could not be measured then.
  if (breach !== undefined) return { verdict: 'fail', reasons: [breach, ...lacking, ...told], sla };
  return {
    verdict: worst([
      'pass',
      ...sla.map(({ verdict }) => verdict),
      ...(lacking.length > 0 ? (['no-data'] as const) : []),
    ]),
    reasons: [...lacking, ...told],
    sla,
  };
};

/** The scenario's options with a trial's parameters put over them. They were validated when the plan was made. */
export const optionsOf = (test: PlannedTest, parameters: Readonly<Record<string, unknown>>): unknown =>
  Object.keys(parameters).length === 0 ? test.options : test.scenario.options.parse({ ...test.input, ...parameters });

/** The trouble of what could not be undone, or of output that could not be kept. */
const troubleAfter = (
  left: readonly string[],
  [lost]: RawFiles['lost'],
  signal: AbortSignal,
): Pick<ResultTrial, 'fault' | 'code'> => {
  if (left.length > 0) return { fault: signal.aborted ? 'interrupted' : 'teardown' };
  return lost === undefined ? {} : troubleOf(lost.error, signal);
};

/** Measures once. Never throws: what went wrong is in the outcome. Nothing of the trial is left running. */
export const runTrial = async (setting: TrialSetting): Promise<TrialOutcome> => {
  const { test, asked, sut, signal, directory } = setting;
  const raw = new RawFiles(sut.host, { root: setting.root, directory: path.join(directory, 'raw') }, signal);
  const teardown = new Teardown();
  const startedAt = new Date();
  let window: Window | undefined;
  let load: string[] = [];
  const trial: Omit<Trial, 'options'> = {
    run: setting.run,
    id: setting.id,
    sut: sut.host,
    facts: sut.facts,
    signal,
    cpus: (selection) => resolveCpus(selection, sut.facts.topology),
    window: async (body) => {
      if (window !== undefined)
        throw new Kvm4nfvError('internal', `${test.scenario.type}: a trial has one window and this asks for a second`);
      const { value, commands } = await withLoads(setting, async () => {
        const before = await sut.host.overhead();
        const start = process.hrtime.bigint();
        const result = await body();
        const length = Number(process.hrtime.bigint() - start);
        const cpu = (await sut.host.overhead()) - before;
        window = { cpu, window: length, share: length === 0 ? 0 : cpu / length };
        return result;
      });
      load = commands;
      return value;
    },
    start: async (argv, options = {}) => {
      const job = await sut.host.start({
        run: setting.run,
        name: `${setting.id}-${String(raw.jobs)}`,
        argv,
        ...options,
      });
      teardown.defer(`job ${job.name} on ${sut.host.name}`, () => job[Symbol.asyncDispose]());
      teardown.defer(`output of ${job.name}`, raw.add(job, options.root ?? false));
      return job;
    },
    keep: (remote, as, options) => raw.keep(remote, as, options),
    keepAll: (files) => raw.keepAll(files),
  };
  const base = {
    id: setting.id,
    parameters: { ...asked.parameters },
    warmUp: asked.warmUp ?? false,
    startedAt: startedAt.toISOString(),
  };
  const ended = async (
    verdict: Verdict,
    reasons: readonly string[],
    rest: Partial<ResultTrial>,
  ): Promise<ResultTrial> => {
    const left = await teardown.run();
    return {
      ...base,
      verdict: left.length + raw.lost.length > 0 ? 'error' : verdict,
      reasons: [...reasons, ...raw.lost.map(lostWords), ...left],
      ...troubleAfter(left, raw.lost, signal),
      endedAt: new Date().toISOString(),
      duration: 0,
      metrics: [],
      sla: [],
      load,
      ...(window === undefined ? {} : { overhead: window }),
      ...rest,
      notes: { ...rest.notes, ...raw.notes },
    };
  };
  try {
    signal.throwIfAborted();
    const options = optionsOf(test, asked.parameters);
    const measurement = await test.scenario.measure({ ...trial, options });
    if (window === undefined && test.load.length > 0)
      throw new Kvm4nfvError(
        'E_MEASUREMENT',
        `scenario '${test.scenario.type}' measured outside of a window: the load of the test never ran`,
        { hint: 'tell its author: what it measures belongs into trial.window()' },
      );
    requireSound(test.scenario.type, measurement, test.scenario.metrics(options));
    const { verdict, reasons, sla } = assess(test, options, measurement);
    const { duration, notes = {} } = measurement;
    const measured = { duration, metrics: encodeMetrics(measurement.metrics), sla, notes: { ...notes } };
    return { result: await ended(verdict, reasons, measured), measurement };
  } catch (error) {
    const trouble = troubleOf(error, signal);
    const cause = (signal.aborted ? causeOfStop(signal) : undefined) ?? error;
    const hint = Kvm4nfvError.is(cause) ? cause.hint : undefined;
    const reason = trouble.fault === 'interrupted' ? 'interrupted' : messageOf(cause);
    return {
      result: await ended('error', hint === undefined ? [reason] : [reason, hint], trouble),
    };
  }
};
