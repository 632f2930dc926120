import {
  duration,
  judge,
  parseSla,
  z,
  type Measurement,
  type Nanoseconds,
  type RunnerOutcome,
  type RunnerPreview,
  type RunnerSla,
  type Sla,
  type TrialFeedback,
  type TrialParameters,
} from '../lib/plugin.js';

const condition = (suffix: string, example: string) =>
  z.string().transform((text, context): Sla => {
    const parsed = parseSla(`${text}${suffix}`);
    if (parsed.ok) return { ...parsed.sla, expression: text.trim() };
    context.issues.push({ code: 'custom', input: text, message: `${parsed.message} (write it like ${example})` });
    return z.NEVER;
  });

/** Keys that every runner has. */
export const repetition = {
  warm_up: z
    .int()
    .min(0)
    .default(0)
    .meta({ description: 'Trials before the first that counts: measured and kept, not judged.' }),
  pause: duration.meta({ description: 'Pause before each trial but the first.' }).optional(),
  stop_on: condition('', "'max > 100us'")
    .meta({ description: 'No further trial once this holds for one, such as `max > 100us`.' })
    .optional(),
};

/** Repetition until the mean of a statistic over the trials is known well enough. */
export const until = z.strictObject({
  metric: condition(' >= 0', "'p99' or 'latency.max'").meta({
    description: 'A statistic as in an SLA, such as `p99` or `latency.max`.',
  }),
  confidence: z
    .union([z.literal(0.9), z.literal(0.95), z.literal(0.99)])
    .default(0.95)
    .meta({ description: 'Level of the confidence interval of the mean.' }),
  within: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.05)
    .meta({ description: 'Half-width of the interval at most, as a part of the mean.' }),
  at_least: z.int().min(2).default(3).meta({ description: 'Trials before the interval is looked at.' }),
});

export const holds = (sla: Sla | undefined, measurement: Measurement): boolean =>
  sla !== undefined && judge(sla, measurement).verdict === 'pass';

interface Repetition {
  readonly warm_up: number;
  readonly pause?: Nanoseconds | undefined;
  readonly stop_on?: Sla | undefined;
}

/** What {@link repetition} and `until` look at. */
export const looksAt = ({
  stop_on,
  until: goal,
}: Pick<Repetition, 'stop_on'> & { readonly until?: z.output<typeof until> | undefined }): RunnerSla[] => [
  ...(stop_on === undefined ? [] : [{ path: ['stop_on'], sla: stop_on }]),
  ...(goal === undefined ? [] : [{ path: ['until', 'metric'], sla: goal.metric }]),
];

/** The preview of {@link repetition}; `ends` is what else ends the runner early. */
export const outline = (
  { pause, stop_on }: Repetition,
  ends: readonly string[] = [],
): Pick<RunnerPreview, 'pause' | 'endsWhen'> => ({
  ...(pause === undefined ? {} : { pause }),
  endsWhen: [...(stop_on === undefined ? [] : [`${stop_on.expression} holds for a trial`]), ...ends],
});

type Body = Generator<TrialParameters['parameters'], RunnerOutcome | undefined, TrialFeedback>;

/** Yields trials with their pauses and warm-ups, until the body has enough or `stop_on` holds. Gives what the body does. */
export function* repeat(
  { warm_up, pause, stop_on }: Repetition,
  first: TrialParameters['parameters'],
  body: Body,
): Generator<TrialParameters, RunnerOutcome | undefined, TrialFeedback> {
  let number = 0;
  const trial = (parameters: TrialParameters['parameters'], warmUp: boolean): TrialParameters => ({
    parameters,
    warmUp,
    ...(pause === undefined || number++ === 0 ? {} : { pause }),
  });
  for (let warm = 0; warm < warm_up; warm += 1) yield trial(first, true);
  let step = body.next();
  while (step.done !== true) {
    const feedback = yield trial(step.value, false);
    if (holds(stop_on, feedback.measurement)) return undefined;
    step = body.next(feedback);
  }
  return step.value;
}
