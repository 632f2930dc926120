/** Values `from` to `to`, which a histogram does not tell apart, and how many there were. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}
