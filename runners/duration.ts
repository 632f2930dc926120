import { defineRunner, duration, z, type TrialFeedback } from '../lib/plugin.js';
import { looksAt, outline, repeat, repetition } from './repetition.js';

const options = z.strictObject({
  duration: duration.meta({ description: 'No trial begins after this time. One that has begun is never cut short.' }),
  ...repetition,
});
type Options = z.output<typeof options>;

function* timed(limit: number): Generator<Record<string, unknown>, undefined, TrialFeedback> {
  const start = process.hrtime.bigint();
  do yield {};
  while (Number(process.hrtime.bigint() - start) < limit);
  return undefined;
}

/** The same trial again and again for a time. */
export const durationRunner = defineRunner<Options>({
  type: 'duration',
  summary: 'The same trial again and again for a time; one that has begun is never cut short',
  options,
  preview: (chosen) => ({ parameters: [{}], trials: undefined, duration: chosen.duration, ...outline(chosen) }),
  slas: looksAt,
  trials: (chosen) => repeat(chosen, {}, timed(chosen.duration)),
});
