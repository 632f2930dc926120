/** What is known of a value: it is neither less than `low` nor more than `high`. The two are equal where it is known exactly. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}
