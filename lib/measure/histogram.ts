import type { JsHistogram } from 'hdr-histogram-js';
import { Kvm4nfvError } from '../error.js';
import { decodeHdr, emptyHdr, hdr } from './hdr.js';

/** Samples known only to lie in `[above, max]`; one of them is `max`. */
export interface Overflow {
  readonly count: number;
  readonly above: number;
  readonly max: number;
}

/** Values `from` to `to`, which the histogram does not tell apart, and how many there were. */
export interface Bin {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** A histogram as plain JSON. All values in base units. */
export interface EncodedHistogram {
  readonly resolution: number;
  readonly count: number;
  readonly min?: number;
  readonly max?: number;
  readonly sum: number;
  readonly overflow: readonly Overflow[];
  /** HdrHistogram V2, deflated, base64 (`HISTF...`), without the overflow. */
  readonly payload: string;
}

const filledBins = function* (bins: JsHistogram): Generator<Bin> {
  for (let index = 0; index < bins.countsArrayLength; index++) {
    const count = bins.getCountAtIndex(index);
    if (count === 0) continue;
    const from = bins.valueFromIndex(index);
    yield { from, to: bins.highestEquivalentValue(from), count };
  }
};

/** An hour in ns. A value above it is nonsense, not a latency. */
const highest = 3600e9;

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/**
 * Values in whole base units (ns), 0 to an hour, three significant digits. Exact min, max, count and sum are kept beside the
 * bins, and what a tool did not put into a bin is kept as overflow. A percentile is never interpolated and never less than
 * the true one. Empty: no min, max, mean or percentile.
 */
export class Histogram {
  #resolution: number;
  #bins: JsHistogram | undefined;
  #binned = 0;
  #min = Infinity;
  #max = -Infinity;
  #sum = 0;
  #overflow: Overflow[] = [];

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
  get min(): number | undefined {
    return this.count === 0 ? undefined : this.#min;
  }
  get max(): number | undefined {
    return this.count === 0 ? undefined : this.#max;
  }
  get sum(): number {
    return this.#sum;
  }
  get mean(): number | undefined {
    return this.count === 0 ? undefined : this.#sum / this.count;
  }
  get overflow(): readonly Overflow[] {
    return this.#overflow;
  }

  record(value: number, count = 1): void {
    if (count === 0) return;
    const scaled = value / this.#resolution;
    this.#check(value, count);
    if (!Number.isInteger(scaled))
      throw new Kvm4nfvError('internal', `histogram: ${String(value)} is no multiple of ${String(this.#resolution)}`);
    this.#store.recordValueWithCount(scaled, count);
    this.#binned += count;
    this.#sum += value * count;
    this.#extend(value, value);
  }

  /** Samples of which only this is known: none is below `above`, and the greatest is `max`. `sum`: of them, where known. Default: all are `max`. */
  addOverflow(count: number, known: { readonly above: number; readonly max: number; readonly sum?: number }): void {
    if (count === 0) return;
    const { above, max } = known;
    this.#check(above, count);
    this.#check(max, count);
    if (max < above)
      throw new Kvm4nfvError('internal', `histogram: overflow above ${String(above)} with max ${String(max)}`);
    this.#addGroup({ count, above, max });
    this.#sum += known.sum ?? max * count;
    this.#extend(above, max);
  }

  /** The min where it is known better than from bins and overflow: of samples that are in overflow all, say. */
  setExtremes(min: number, max: number): void {
    if (this.count > 0) [this.#min, this.#max] = [min, max];
  }

  /** Adds the samples of `other`; the resolution becomes what both have in common. */
  merge(other: Histogram): this {
    const resolution = greatestCommonDivisor(this.#resolution, other.#resolution);
    if (other.count === 0) return this;
    if (other.#bins !== undefined) {
      if (this.#bins !== undefined && this.#resolution === other.#resolution) this.#bins.add(other.#bins);
      else {
        const mine = [...this.bins()];
        this.#bins = undefined;
        this.#resolution = resolution;
        for (const { to, count } of [...mine, ...other.bins()])
          this.#store.recordValueWithCount(to / resolution, count);
      }
    }
    this.#binned += other.#binned;
    this.#sum += other.#sum;
    for (const group of other.#overflow) this.#addGroup(group);
    this.#extend(other.#min, other.#max);
    return this;
  }

  clone(): Histogram {
    return new Histogram({ resolution: this.#resolution }).merge(this);
  }

  /** The least value that `p` percent of all samples do not exceed, as an upper bound; `p` above 0, to 100. */
  percentile(p: number): number | undefined {
    const { count, max } = this;
    if (max === undefined) return undefined;
    // 99.9 % of 1000 is 999.0000000000001 in binary floating point, which must not become rank 1000.
    const rank = Math.max(1, Math.ceil((p / 100) * count - count * 1e-12));
    const groups = this.#overflow.toSorted((a, b) => a.max - b.max);
    let seen = 0;
    for (const { to, count: inBin } of this.bins()) {
      while (groups[0] !== undefined && groups[0].max < to) {
        seen += groups[0].count;
        if (seen >= rank) return groups[0].max;
        groups.shift();
      }
      seen += inBin;
      if (seen >= rank) return Math.min(max, to);
    }
    return groups.find((group) => (seen += group.count) >= rank)?.max ?? max;
  }

  /** Whether ten samples lie above the percentile, the least that make it more than chance. */
  supports(p: number): boolean {
    return this.count * (100 - p) >= 1000 * (1 - 1e-12);
  }

  /** Samples that are greater than `limit`; those that may be are counted. */
  countOver(limit: number): number {
    let over = 0;
    for (const { to, count } of this.bins()) if (Math.min(to, this.#max) > limit) over += count;
    for (const { max, count } of this.#overflow) if (max > limit) over += count;
    return over;
  }

  /** The bins that hold samples, in order; overflow is not in them. */
  *bins(): Generator<Bin> {
    const bins = this.#bins;
    if (bins === undefined) return;
    for (const { from, to, count } of filledBins(bins))
      yield { from: from * this.#resolution, to: to * this.#resolution, count };
  }

  encode(): EncodedHistogram {
    const { count, min, max, sum, overflow, resolution } = this;
    // The middle, so that no rounding of the payload takes it out of its bin.
    const payload = hdr().encodeIntoCompressedBase64(this.#inBaseUnits(({ from, to }) => Math.floor((from + to) / 2)));
    return {
      resolution,
      count,
      ...(min === undefined ? {} : { min }),
      ...(max === undefined ? {} : { max }),
      sum,
      overflow,
      payload,
    };
  }

  static decode(encoded: EncodedHistogram): Histogram {
    const { resolution, min, max, sum, overflow, payload } = encoded;
    const histogram = new Histogram({ resolution });
    for (const { to, count } of filledBins(decodeHdr(payload))) {
      histogram.#store.recordValueWithCount(Math.floor(to / resolution), count);
      histogram.#binned += count;
    }
    for (const group of overflow) histogram.addOverflow(group.count, group);
    histogram.#sum = sum;
    if (histogram.count !== encoded.count)
      throw new Kvm4nfvError(
        'usage',
        `histogram: ${String(histogram.count)} samples in the payload, ${String(encoded.count)} announced`,
      );
    histogram.setExtremes(min ?? Infinity, max ?? -Infinity);
    return histogram;
  }

  /** As HdrHistogram in base units, for files that other tools read: no bin counts less than it may be, overflow counts as its greatest value. */
  toHdr(): JsHistogram {
    const result = this.#inBaseUnits(({ to }) => to);
    for (const { max, count } of this.#overflow) result.recordValueWithCount(max, count);
    return result;
  }

  /**
   * Four digits where the resolution is coarser than the unit: three would put 1049 us and 1050 us into one bin of 1024 ns.
   */
  #inBaseUnits(valueOf: (bin: Bin) => number): JsHistogram {
    const result = emptyHdr(this.#resolution === 1 ? 3 : 4);
    for (const bin of this.bins()) result.recordValueWithCount(Math.min(valueOf(bin), this.#max), bin.count);
    return result;
  }

  get #store(): JsHistogram {
    return (this.#bins ??= emptyHdr(3));
  }

  #extend(min: number, max: number): void {
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  #addGroup(group: Overflow): void {
    const index = this.#overflow.findIndex(({ above, max }) => above === group.above && max === group.max);
    const same = this.#overflow[index];
    if (same === undefined) this.#overflow.push(group);
    else this.#overflow[index] = { ...same, count: same.count + group.count };
  }

  #check(value: number, count: number): void {
    if (!Number.isSafeInteger(value) || value < 0 || value > highest)
      throw new Kvm4nfvError('internal', `histogram: ${String(value)} is no whole number from 0 to ${String(highest)}`);
    if (!Number.isSafeInteger(count) || count < 0)
      throw new Kvm4nfvError('internal', `histogram: ${String(count)} is no count`);
  }
}
