import { defineRunner, judge, z, type TrialFeedback } from '../lib/plugin.js';
import { repeat, repetition, until } from './repetition.js';
import { relativeHalfWidth } from './student-t.js';

const options = z.strictObject({
  count: z.int().min(1).default(1).meta({ description: 'Trials; with `until` the most there can be.' }),
  ...repetition,
  until: until.meta({ description: 'Stop before `count` once a statistic is known well enough.' }).optional(),
});
type Options = z.output<typeof options>;

function* counted({ count, until: goal }: Options): Generator<Record<string, unknown>, void, TrialFeedback> {
  const observed: number[] = [];
  for (let trial = 0; trial < count; trial += 1) {
    const { measurement } = yield {};
    if (goal === undefined) continue;
    const value = judge(goal.metric, measurement).observed;
    if (value !== undefined) observed.push(value);
    if (observed.length >= goal.at_least && relativeHalfWidth(observed, goal.confidence) <= goal.within) return;
  }
}

/** The same trial a number of times. */
export const iteration = defineRunner<Options>({
  type: 'iteration',
  summary: 'The same trial a number of times, or until a statistic is known well enough',
  options,
  preview: ({ count, warm_up, until: goal, stop_on }) => ({
    parameters: [{}],
    trials: goal === undefined && stop_on === undefined ? count + warm_up : undefined,
  }),
  trials: (chosen) => repeat(chosen, {}, counted(chosen)),
});
