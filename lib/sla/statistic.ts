export const operators = ['<=', '<', '>=', '>', '=='] as const;
export type Operator = (typeof operators)[number];

/** A number as written in an SLA; `unit` is '' where none was written. */
export interface Quantity {
  readonly value: number;
  readonly unit: string;
}

/** What of a metric an SLA limits. */
export type Statistic =
  | {
      readonly kind: 'percentile';
      readonly percentile: number;
      /** Samples that the percentile needs: 10/(1-N), so that ten lie above it. */
      readonly needs: number;
    }
  /** `stddev`: of the samples, n - 1 below the line; `range`: max - min. */
  | { readonly kind: 'min' | 'mean' | 'max' | 'count' | 'stddev' | 'range' }
  | { readonly kind: 'over' | 'share_over'; readonly above: Quantity }
  /** The value of a counter or gauge. */
  | { readonly kind: 'value' }
  /** How long was measured. */
  | { readonly kind: 'duration' };

export type Severity = 'fail' | 'warn';

/** A limit on a metric. */
export interface Sla {
  readonly expression: string;
  readonly severity: Severity;
  /** Absent: the first histogram that the scenario declares. */
  readonly metric: string | undefined;
  readonly statistic: Statistic;
  /** Values of labels: only what was measured with one of each is judged, and each must be there. Default: all label sets together. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  readonly operator: Operator;
  readonly limit: Quantity;
}
