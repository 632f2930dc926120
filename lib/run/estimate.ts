import type { Nanoseconds } from '../measure/units.js';
import type { PlannedTest } from './plan.js';
import { optionsOf } from './trial.js';

/** How long a test measures, pauses and set-up not counted; undefined where that depends on what is measured. */
export const estimate = (test: PlannedTest): Nanoseconds | undefined => {
  const preview = test.runner.definition.preview(test.runner.options);
  if (preview.duration !== undefined) return preview.duration;
  if (preview.trials === undefined) return undefined;
  const durations = [...preview.parameters].map(
    (parameters) => test.scenario.preview(optionsOf(test, parameters)).duration,
  );
  if (durations.length === 0) durations.push(test.scenario.preview(test.options).duration);
  const known = durations.filter((duration) => duration !== undefined);
  if (known.length < durations.length) return undefined;
  return (known.reduce((sum, duration) => sum + duration, 0) / durations.length) * preview.trials;
};
