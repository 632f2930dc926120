import type { Bin } from './bin.js';

const pageSize = 256;
/** Below, each value has a count of its own: cyclictest has a million bins at most. */
const near = 2 ** 20;
const mostFar = 2 ** 16;

/**
 * How often each whole number occurred. Exact: pages of counts where values lie densely, a map of single values from 2^20 on. Only
 * where there are more than 65,536 different ones of these are they told apart by ever fewer leading binary digits, at least 11: memory
 * depends on the range of the values, never on how many there are.
 */
export class Counts {
  readonly #pages = new Map<number, Float64Array>();
  #far = new Map<number, number>();
  #digits = 53;
  /** The greatest value; -1 where there is none. */
  #highest = -1;

  get highest(): number {
    return this.#highest;
  }

  add(value: number, count: number): void {
    this.#highest = Math.max(this.#highest, value);
    if (value < near) {
      const page = this.#page(Math.floor(value / pageSize));
      const at = value % pageSize;
      page[at] = (page[at] ?? 0) + count;
    } else this.#addFar(value, count);
  }

  /** Adds what `other` counted, its values multiplied by `factor`. */
  merge(other: Counts, factor = 1): void {
    if (factor !== 1) {
      for (const { to, count } of other.bins()) this.add(to * factor, count);
      return;
    }
    this.#highest = Math.max(this.#highest, other.#highest);
    for (const [number, theirs] of other.#pages) {
      const page = this.#page(number);
      for (let at = 0; at < pageSize; at++) page[at] = (page[at] ?? 0) + (theirs[at] ?? 0);
    }
    if (other.#digits < this.#digits) this.#fold(other.#digits);
    for (const [value, count] of other.#far) this.#addFar(value, count);
  }

  /** In order. */
  *bins(): Generator<Bin> {
    for (const number of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#page(number);
      for (let at = 0; at < pageSize; at++) {
        const count = page[at] ?? 0;
        const value = number * pageSize + at;
        if (count > 0) yield { from: value, to: value, count };
      }
    }
    for (const [to, count] of [...this.#far].sort(([a], [b]) => a - b)) {
      const width = this.#widthAt(to);
      yield { from: Math.floor(to / width) * width, to, count };
    }
  }

  #page(number: number): Float64Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = new Float64Array(pageSize);
    this.#pages.set(number, page);
    return page;
  }

  #addFar(value: number, count: number): void {
    const width = this.#widthAt(value);
    const last = Math.floor(value / width) * width + width - 1;
    this.#far.set(last, (this.#far.get(last) ?? 0) + count);
    while (this.#far.size > mostFar) this.#fold(Math.min(20, this.#digits - 1));
  }

  #fold(digits: number): void {
    const before = this.#far;
    this.#far = new Map();
    this.#digits = digits;
    for (const [value, count] of before) this.#addFar(value, count);
  }

  /** How many values about `value` are one. */
  #widthAt(value: number): number {
    const rounded = Math.floor(Math.log2(value));
    const exponent = 2 ** rounded > value ? rounded - 1 : rounded;
    return 2 ** Math.max(0, exponent + 1 - this.#digits);
  }
}
