import { defineRunner, judge, z, type Measurement, type RunnerOutcome, type TrialFeedback } from '../lib/plugin.js';
import { looksAt, outline, repeat, repetition, until } from './repetition.js';
import { relativeHalfWidth } from './student-t.js';

type Goal = z.output<typeof until>;

/** The most trials there can be, warm-ups apart. */
const most = (count: number | undefined, goal: Goal | undefined): number => count ?? (goal === undefined ? 1 : 100);

const options = z
  .strictObject({
    count: z
      .int()
      .min(1)
      .meta({
        description: 'Trials; with `until` the most there can be. Default: 1, with `until` 100.',
      })
      .optional(),
    ...repetition,
    until: until
      .meta({
        description:
          'Stop before `count` once a statistic is known well enough; if it never is, the test is at best `warn`.',
      })
      .optional(),
  })
  .check(({ value: { count, until: goal }, issues }) => {
    if (goal === undefined || goal.at_least <= most(count, goal)) return;
    const waits = `until waits for ${String(goal.at_least)} trials (at_least)`;
    issues.push(
      count === undefined
        ? {
            code: 'custom',
            input: goal.at_least,
            path: ['until', 'at_least'],
            message: `${waits}, and there are only ${String(most(count, goal))} unless count says otherwise`,
          }
        : {
            code: 'custom',
            input: count,
            path: ['count'],
            message: `${waits}, and count allows only ${String(count)}`,
          },
    );
  });
type Options = z.output<typeof options>;

const percent = (share: number): string => `${String(Number((share * 100).toPrecision(4)))} %`;

/** What is known of the statistic that the goal is about. */
interface Observations {
  readonly values: number[];
  /** Why the last trial gave none. */
  without?: string;
}

const look = ({ metric }: Goal, measurement: Measurement, seen: Observations): void => {
  const { observed, bounds, reason = 'only bounds of it are known' } = judge(metric, measurement);
  if (observed === undefined || bounds !== undefined) seen.without = reason;
  else seen.values.push(observed);
};

const notReached = (
  { metric, within, confidence, at_least }: Goal,
  { values, without }: Observations,
  trials: number,
): string => {
  const goal = `until was not reached: the mean of ${metric.expression} was to be known within ${percent(within)}`;
  if (values.length < at_least) {
    const few = `${String(values.length)} of ${String(trials)} trials gave a value, ${String(at_least)} are needed`;
    return `${goal}, but ${few}${without === undefined ? '' : ` (${without})`}`;
  }
  return `${goal}, and after ${String(trials)} trials it is known within ${percent(relativeHalfWidth(values, confidence))}`;
};

function* counted({
  count,
  until: goal,
}: Options): Generator<Record<string, unknown>, RunnerOutcome | undefined, TrialFeedback> {
  const seen: Observations = { values: [] };
  const trials = most(count, goal);
  for (let trial = 0; trial < trials; trial += 1) {
    const { measurement } = yield {};
    if (goal === undefined) continue;
    look(goal, measurement, seen);
    if (seen.values.length >= goal.at_least && relativeHalfWidth(seen.values, goal.confidence) <= goal.within)
      return undefined;
  }
  return goal === undefined ? undefined : { missed: [notReached(goal, seen, trials)] };
}

const wellKnown = (goal: Goal, count: number | undefined): string => {
  const { metric, confidence, within, at_least } = goal;
  const trials = `${String(at_least)} to ${String(most(count, goal))} trials`;
  return `the mean of ${metric.expression} is known within ${percent(within)} at ${percent(confidence)} confidence, after ${trials}`;
};

/** The same trial a number of times. */
export const iteration = defineRunner<Options>({
  type: 'iteration',
  summary: 'The same trial a number of times, or until a statistic is known well enough',
  options,
  preview: (chosen) => {
    const { count, warm_up, until: goal, stop_on } = chosen;
    return {
      parameters: [{}],
      trials: goal === undefined && stop_on === undefined ? most(count, goal) + warm_up : undefined,
      ...outline(chosen, goal === undefined ? [] : [wellKnown(goal, count)]),
    };
  },
  slas: looksAt,
  trials: (chosen) => repeat(chosen, {}, counted(chosen)),
});
