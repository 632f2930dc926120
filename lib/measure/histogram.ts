import type { JsHistogram } from 'hdr-histogram-js';
import { Kvm4nfvError } from '../error.js';
import type { Bin } from './bin.js';
import type { Bounds } from './bounds.js';
import { Counts } from './counts.js';
import { emptyHdr } from './hdr.js';
import { extremesOf, isExact, overOf, withGroup, type Overflow } from './overflow.js';
import { decodeBins, digitsFor, encodeBins, type EncodedBins } from './payload.js';
import { ratioOf } from './ratio.js';

export type { Bin } from './bin.js';
export type { Overflow } from './overflow.js';

/** A histogram as plain JSON. All values in base units. */
export interface EncodedHistogram extends EncodedBins {
  readonly resolution: number;
  readonly count: number;
  /** Absent where the tool does not tell it. */
  readonly min?: number;
  readonly max?: number;
  readonly sum: number;
  /** Where the sum is not known exactly: the least that it can be; `sum` is the most then. */
  readonly leastSum?: number;
  readonly overflow: readonly Overflow[];
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/**
 * Values in whole base units (ns), 0 to 2^53, each with a count of its own (beyond 2^20 resolutions see `Counts`). Exact min, max,
 * count and sum are kept beside them, and what a tool did not put into a bin is kept as overflow. A percentile is never interpolated
 * and never less than the true one. What is not known exactly has {@link Bounds}. Empty: no min, max, mean or percentile.
 */
export class Histogram {
  #resolution: number;
  #counts = new Counts();
  #binned = 0;
  #min: Bounds = { low: Infinity, high: Infinity };
  #max = -Infinity;
  #sum = 0n;
  /** How much less the sum may be. */
  #slack = 0n;
  #overflow: readonly Overflow[] = [];

  /** `resolution`: every value is a multiple of it (1000 for a tool that reports whole us). Default: 1. */
  constructor(options: { readonly resolution?: number } = {}) {
    this.#resolution = options.resolution ?? 1;
  }

  get resolution(): number {
    return this.#resolution;
  }
  /** Samples, overflow included. */
  get count(): number {
    return this.#overflow.reduce((sum, { count }) => sum + count, this.#binned);
  }
  /** Undefined also where only bounds of it are known. */
  get min(): number | undefined {
    const { low, high } = this.minBounds ?? { low: 0, high: 1 };
    return low === high ? low : undefined;
  }
  get minBounds(): Bounds | undefined {
    return this.count === 0 ? undefined : this.#min;
  }
  get max(): number | undefined {
    return this.count === 0 ? undefined : this.#max;
  }
  /** Where it is not known exactly, the most that it can be. */
  get sum(): number {
    return Number(this.#sum);
  }
  /** The least and the most that the sum can be, exactly. */
  get sumBounds(): { readonly low: bigint; readonly high: bigint } {
    return { low: this.#sum - this.#slack, high: this.#sum };
  }
  /** Undefined also where only bounds of the sum are known. */
  get mean(): number | undefined {
    return this.count === 0 || this.#slack > 0n ? undefined : Number(this.#sum) / this.count;
  }
  get overflow(): readonly Overflow[] {
    return this.#overflow;
  }

  record(value: number, count = 1): void {
    this.#check(value, count);
    if (count === 0) return;
    const scaled = value / this.#resolution;
    if (!Number.isInteger(scaled))
      throw new Kvm4nfvError('internal', `histogram: ${String(value)} is no multiple of ${String(this.#resolution)}`);
    this.#counts.add(scaled, count);
    this.#binned += count;
    this.#sum += BigInt(value) * BigInt(count);
    this.#extend({ low: value, high: value }, value);
  }

  /**
   * Samples of which only this is known: none is below `above`, and the greatest is `max`. `sum`: of them, where known; else it lies
   * between what it were if all but one were `above`, and if all were `max`.
   */
  addOverflow(count: number, known: { readonly above: number; readonly max: number; readonly sum?: number }): void {
    const { above, max } = known;
    this.#check(above, count);
    this.#check(max, count);
    if (count === 0) return;
    if (max < above)
      throw new Kvm4nfvError('internal', `histogram: overflow above ${String(above)} with max ${String(max)}`);
    this.#overflow = withGroup(this.#overflow, { count, above, max });
    const sum = known.sum === undefined ? BigInt(max) * BigInt(count) : BigInt(Math.round(known.sum));
    this.#sum += sum;
    if (known.sum === undefined) this.#slack += BigInt(max - above) * BigInt(count - 1);
    this.#extend({ low: count === 1 ? max : above, high: max }, max);
  }

  /** Min and max where they are known better than from bins and overflow. `min` undefined: it is known from these only. */
  setExtremes(min: number | undefined, max: number): void {
    if (this.count === 0) return;
    if (min !== undefined) this.#min = { low: min, high: min };
    this.#max = max;
  }

  /** Adds the samples of `other`; the resolution becomes what both have in common. */
  merge(other: Histogram): this {
    if (other.count === 0) return this;
    const resolution = greatestCommonDivisor(this.#resolution, other.#resolution);
    if (resolution !== this.#resolution) {
      const finer = new Counts();
      finer.merge(this.#counts, this.#resolution / resolution);
      [this.#counts, this.#resolution] = [finer, resolution];
    }
    this.#counts.merge(other.#counts, other.#resolution / resolution);
    this.#binned += other.#binned;
    this.#sum += other.#sum;
    this.#slack += other.#slack;
    for (const group of other.#overflow) this.#overflow = withGroup(this.#overflow, group);
    this.#extend(other.#min, other.#max);
    return this;
  }

  clone(): Histogram {
    return new Histogram({ resolution: this.#resolution }).merge(this);
  }

  /** The least value that `p` percent of all samples do not exceed, as an upper bound; `p` above 0, to 100. */
  percentile(p: number): number | undefined {
    return this.percentileBounds(p)?.high;
  }

  /** What is known of that value: no single number where it is one of the overflow. */
  percentileBounds(p: number): Bounds | undefined {
    const { count } = this;
    if (count === 0) return undefined;
    const { numerator, denominator } = ratioOf(p);
    const hundred = denominator * 100n;
    const rank = Math.max(1, Number((numerator * BigInt(count) + hundred - 1n) / hundred));
    return { low: this.#ranked(rank, 'low'), high: this.#ranked(rank, 'high') };
  }

  /** Whether ten samples lie above the percentile, the least that make it more than chance. */
  supports(p: number): boolean {
    const { numerator, denominator } = ratioOf(p);
    return BigInt(this.count) * (100n * denominator - numerator) >= 1000n * denominator;
  }

  /** Samples that are greater than `limit`; those that may be are counted. */
  countOver(limit: number): number {
    return this.overBounds(limit).high;
  }

  /** How many samples are greater than `limit`, at least and at most. */
  overBounds(limit: number): Bounds {
    let [low, high] = [0, 0];
    for (const { from, to, count } of this.bins()) {
      if (Math.min(from, this.#max) > limit) low += count;
      if (Math.min(to, this.#max) > limit) high += count;
    }
    for (const group of this.#overflow) {
      const over = overOf(group, limit);
      low += over.low;
      high += over.high;
    }
    return { low, high };
  }

  /** Whether of each sample is known which value it had. */
  get isExact(): boolean {
    return this.#overflow.every(isExact);
  }

  /** The bins that hold samples, in order; overflow is not in them. */
  *bins(): Generator<Bin> {
    const resolution = this.#resolution;
    for (const { from, to, count } of this.#counts.bins())
      yield { from: from * resolution, to: to * resolution, count };
  }

  encode(): EncodedHistogram {
    const { count, min, max, sum, overflow, resolution } = this;
    return {
      resolution,
      count,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      sum,
      ...(this.#slack === 0n ? {} : { leastSum: Number(this.#sum - this.#slack) }),
      overflow,
      ...encodeBins([...this.#counts.bins()], resolution),
    };
  }

  static decode(encoded: EncodedHistogram): Histogram {
    const { resolution, min, max, sum, leastSum = sum, overflow } = encoded;
    const histogram = new Histogram({ resolution });
    for (const { to, count } of decodeBins(encoded, resolution)) histogram.record(to * resolution, count);
    for (const group of overflow) histogram.addOverflow(group.count, group);
    histogram.#sum = BigInt(Math.round(sum));
    histogram.#slack = histogram.#sum - BigInt(Math.round(leastSum));
    if (histogram.count !== encoded.count)
      throw new Kvm4nfvError(
        'E_HISTOGRAM',
        `histogram: ${String(histogram.count)} samples in the payload, ${String(encoded.count)} announced`,
      );
    if (max !== undefined) histogram.setExtremes(min, max);
    return histogram;
  }

  /** As HdrHistogram in base units, for files that other tools read: no bin counts less than it may be, overflow counts as its greatest value. */
  toHdr(): JsHistogram {
    const result = emptyHdr(digitsFor(this.#resolution));
    for (const { to, count } of this.bins()) result.recordValueWithCount(Math.min(to, this.#max), count);
    for (const { max, count } of this.#overflow) result.recordValueWithCount(max, count);
    return result;
  }

  /** The value of a rank, counted from 1, if all samples were the least, or the greatest, that they can be. */
  #ranked(rank: number, side: 'low' | 'high'): number {
    const beyond = extremesOf(this.#overflow, side);
    let seen = 0;
    for (const { from, to, count } of this.bins()) {
      const value = side === 'low' ? from : to;
      while (beyond[0] !== undefined && beyond[0].value < value) {
        seen += beyond[0].count;
        if (seen >= rank) return beyond[0].value;
        beyond.shift();
      }
      seen += count;
      if (seen >= rank) return Math.min(this.#max, Math.max(this.#min.low, value));
    }
    return beyond.find((point) => (seen += point.count) >= rank)?.value ?? this.#max;
  }

  #extend(min: Bounds, max: number): void {
    this.#min = { low: Math.min(this.#min.low, min.low), high: Math.min(this.#min.high, min.high) };
    this.#max = Math.max(this.#max, max);
  }

  #check(value: number, count: number): void {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Kvm4nfvError('internal', `histogram: ${String(value)} is no whole number from 0 to 2^53`);
    if (!Number.isSafeInteger(count) || count < 0)
      throw new Kvm4nfvError('internal', `histogram: ${String(count)} is no count`);
  }
}
