import type { Histogram } from './histogram.js';
import type { Nanoseconds, Unit } from './units.js';

export type MetricKind = 'histogram' | 'counter' | 'gauge';

/** What a scenario promises to measure. The first histogram is the one that an SLA without a metric name means. */
export interface MetricDeclaration {
  /** `latency`, `loss`, ...: lower-case letters, digits and `_`. */
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: Unit;
  readonly description: string;
  /** By name, the values of its labels that there can be, as far as that is known before; an SLA that selects another is refused. Default: unknown. */
  readonly labels?: Readonly<Record<string, readonly string[] | 'any'>>;
}

export type Labels = Readonly<Record<string, string>>;

export interface MeasuredHistogram {
  readonly kind: 'histogram';
  readonly name: string;
  readonly unit: Unit;
  readonly labels: Labels;
  readonly histogram: Histogram;
}

/** One metric as measured; several of one name differ in their labels (one per thread, say). */
export type Metric =
  | MeasuredHistogram
  | {
      readonly kind: 'counter' | 'gauge';
      readonly name: string;
      readonly unit: Unit;
      readonly labels: Labels;
      readonly value: number;
    };

/** A histogram of one interval of a trial, where the tool streams. Times are nanoseconds since the trial's window began. */
export interface Interval {
  readonly metric: string;
  readonly labels: Labels;
  readonly start: Nanoseconds;
  readonly end: Nanoseconds;
  /** May be a getter that decodes it at each use: a trial has thousands. */
  readonly histogram: Histogram;
}

/** A metric that was asked for, so that it is missed where it does not come back, or comes back with too few samples. */
export interface Expectation {
  readonly metric: string;
  /** Those of its labels that tell it from others: `{ cpu: '3' }`. */
  readonly labels: Labels;
  /** Samples that window and rate make, or the value of a counter. Default: any number; of a histogram none is no data anyway. */
  readonly samples?: number;
  /** How many may be missing though they are more than 2 %: where a tool starts its threads one after another, say. Default: 0. */
  readonly spare?: number;
}

/** What one trial measured. */
export interface Measurement {
  readonly metrics: readonly Metric[];
  /** Every CPU, thread and stream that was asked for. After a `breach` fewer are no wonder. */
  readonly expected?: readonly Expectation[];
  /** Why the result may be wrong, in the words of the tool that says so: each makes the trial `no-data`. */
  readonly doubts?: readonly string[];
  readonly intervals?: readonly Interval[];
  /** How long was measured, by the clock of the SUT. */
  readonly duration: Nanoseconds;
  /** Set when the tool stopped by itself because a limit that the user gave it was broken (cyclictest -b, say). */
  readonly breach?: string;
  /** Facts worth keeping: tool version, the command as run. */
  readonly notes?: Readonly<Record<string, string>>;
}
