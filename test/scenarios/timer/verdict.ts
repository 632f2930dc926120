import type { Measurement } from '../../../lib/measure/measurement.js';
import type { PlannedTest } from '../../../lib/run/plan.js';
import { assess } from '../../../lib/run/trial.js';
import { parseSla } from '../../../lib/sla/sla.js';
import { iteration } from '../../../runners/iteration.js';
import { timer } from '../../../scenarios/timer/index.js';

/** What a run says of a measurement of the timer scenario. */
export const verdictOf = (
  input: Record<string, unknown>,
  measured: Partial<Measurement> & Pick<Measurement, 'metrics'>,
  sla: readonly string[] = ['max <= 10s'],
): ReturnType<typeof assess> => {
  const options = timer.options.parse(input);
  const test: PlannedTest = {
    name: 'timer',
    tags: [],
    scenario: timer,
    context: 'metal',
    input,
    options,
    parameters: {},
    runner: { definition: iteration, options: {} },
    load: [],
    sla: sla.map((text) => {
      const parsed = parseSla(text);
      if (!parsed.ok) throw new Error(parsed.message);
      return parsed.sla;
    }),
  };
  return assess(test, options, { duration: timer.preview(options).duration ?? 0, ...measured });
};
