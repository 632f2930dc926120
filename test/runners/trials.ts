import { Histogram, type Measurement, type RunnerDefinition, type TrialParameters } from '../../lib/plugin.js';

/** A measurement of one histogram with these latencies. */
export const measured = (...latencies: readonly number[]): Measurement => {
  const histogram = new Histogram();
  for (const latency of latencies) histogram.record(latency);
  return { metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram }], duration: 1e9 };
};

/** All trials that a runner asks for, each answered by `answer`. */
export const trialsOf = async <O>(
  runner: RunnerDefinition<O>,
  input: unknown,
  answer: (trial: TrialParameters, number: number) => Measurement = () => measured(1000),
): Promise<TrialParameters[]> => {
  const trials = runner.trials(runner.options.parse(input));
  const seen: TrialParameters[] = [];
  let step = await trials.next();
  while (step.done !== true) {
    seen.push(step.value);
    step = await trials.next({ measurement: answer(step.value, seen.length - 1), met: true });
  }
  return seen;
};
