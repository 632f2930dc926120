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

/** What one trial measured. */
export interface Measurement {
  readonly metrics: readonly Metric[];
  readonly intervals?: readonly Interval[];
  /** How long was measured, by the clock of the SUT. */
  readonly duration: Nanoseconds;
  /** Set when the tool stopped by itself because a limit that the user gave it was broken (cyclictest -b, say). */
  readonly breach?: string;
  /** Facts worth keeping: tool version, the command as run. */
  readonly notes?: Readonly<Record<string, string>>;
}
