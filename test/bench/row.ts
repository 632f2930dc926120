/** What a row has measured: both values in the row's unit. */
export interface Outcome {
  readonly ours: number;
  readonly reference: number;
  /** Where it is better known than `ours / reference`: a median of paired ratios, say. */
  readonly ratio?: number;
}

/**
 * One line of the benchmark's table. A module in test/bench exports `rows: readonly Row[]`, and test/bench/index.ts finds it.
 */
export interface Row {
  readonly name: string;
  /** Unit of both values: `ms`, `s`, `MB`, `M samples/s`, ... */
  readonly unit: string;
  /** What `ours` is compared with, in a few words. */
  readonly against: string;
  /** Of `ours / reference`. */
  readonly target: { readonly atMost: number } | { readonly atLeast: number };
  /** Why the row can't be measured on this machine, where it can't. */
  unable?(): Promise<string | undefined>;
  run(): Promise<Outcome>;
}

export const met = ({ target }: Row, ratio: number): boolean =>
  'atMost' in target ? ratio <= target.atMost : ratio >= target.atLeast;

export const ratioOf = ({ ours, reference, ratio }: Outcome): number => ratio ?? ours / reference;
