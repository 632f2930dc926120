import {
  Histogram,
  type Measurement,
  type RunnerDefinition,
  type RunnerOutcome,
  type TrialParameters,
} from '../../lib/plugin.js';

/** A measurement of one histogram with these latencies. */
export const measured = (...latencies: readonly number[]): Measurement => {
  const histogram = new Histogram();
  for (const latency of latencies) histogram.record(latency);
  return { metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram }], duration: 1e9 };
};

type Answer = (trial: TrialParameters, number: number) => Measurement;

const follow = async <O>(
  runner: RunnerDefinition<O>,
  input: unknown,
  answer: Answer,
): Promise<{ seen: TrialParameters[]; outcome: RunnerOutcome | undefined }> => {
  const trials = runner.trials(runner.options.parse(input));
  const seen: TrialParameters[] = [];
  let step = await trials.next();
  while (step.done !== true) {
    seen.push(step.value);
    step = await trials.next({ measurement: answer(step.value, seen.length - 1), met: true });
  }
  return { seen, outcome: typeof step.value === 'object' ? step.value : undefined };
};

/** All trials that a runner asks for, each answered by `answer`. */
export const trialsOf = async <O>(
  runner: RunnerDefinition<O>,
  input: unknown,
  answer: Answer = () => measured(1000),
): Promise<TrialParameters[]> => (await follow(runner, input, answer)).seen;

/** What it found out over them. */
export const outcomeOf = async <O>(
  runner: RunnerDefinition<O>,
  input: unknown,
  answer: Answer = () => measured(1000),
): Promise<RunnerOutcome | undefined> => (await follow(runner, input, answer)).outcome;
