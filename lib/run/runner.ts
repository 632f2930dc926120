import type { ZodType } from 'zod';
import type { Measurement } from '../measure/measurement.js';
import type { Nanoseconds } from '../measure/units.js';
import type { Sla } from '../sla/sla.js';

/** One trial as a runner asks for it. */
export interface TrialParameters {
  /** Put over the scenario's options, as written in YAML, key by key. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Measured and kept, but not judged. Default: false. */
  readonly warmUp?: boolean;
  /** How long to wait before it. Default: 0. */
  readonly pause?: Nanoseconds;
}

/** What a runner gets back: the measurement of the trial it asked for last, and whether that met the SLAs. */
export interface TrialFeedback {
  readonly measurement: Measurement;
  readonly met: boolean;
}

/** What a runner found out over all its trials. */
export interface RunnerOutcome {
  /** What it was to reach and did not, a sentence each: the test is at best `warn` then. Default: nothing. */
  readonly missed?: readonly string[];
}

/** Trials one after another, each answered by its feedback, and in the end what was found out over them, if anything. */
export type Trials =
  | AsyncGenerator<TrialParameters, void, TrialFeedback>
  | AsyncGenerator<TrialParameters, RunnerOutcome | undefined, TrialFeedback>
  | Generator<TrialParameters, void, TrialFeedback>
  | Generator<TrialParameters, RunnerOutcome | undefined, TrialFeedback>;

export interface RunnerPreview {
  /** Every distinct set of parameters that can be known beforehand, so that each is validated before anything runs. */
  readonly parameters: Iterable<Readonly<Record<string, unknown>>>;
  /** How many trials, warm-ups included; undefined where it depends on what is measured. */
  readonly trials: number | undefined;
  /** For how long at most, where the runner is bounded by time. */
  readonly duration?: Nanoseconds;
  /** Before each trial but the first. Default: 0. */
  readonly pause?: Nanoseconds;
  /** What ends it before all its trials are done, a phrase each for `plan`: `max > 100us holds for a trial`. Default: nothing. */
  readonly endsWhen?: readonly string[];
}

/** A limit, or a statistic, that a runner looks at. */
export interface RunnerSla {
  /** Where it stands in the runner's options: `['until', 'metric']`. */
  readonly path: readonly (string | number)[];
  readonly sla: Sla;
}

export interface RunnerDefinition<Options = unknown> {
  readonly kind: 'runner';
  readonly apiVersion: 1;
  readonly type: string;
  readonly summary: string;
  readonly options: ZodType<Options>;
  preview(options: Options): RunnerPreview;
  /** What it looks at in a measurement: a suite where the scenario does not measure that is refused, with its place. Default: nothing. */
  slas?(options: Options): readonly RunnerSla[];
  /** Yields the next trial and is given its feedback. Never touches a host; never sees an error: those are the executor's. */
  trials(options: Options): Trials;
}

/** Defines a runner: how trials follow one another. */
export const defineRunner = <Options>(
  definition: Omit<RunnerDefinition<Options>, 'kind' | 'apiVersion'>,
): RunnerDefinition<Options> => ({ kind: 'runner', apiVersion: 1, ...definition });
