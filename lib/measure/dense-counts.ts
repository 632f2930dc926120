import { Histogram } from './histogram.js';

const first = 1024;
const last = 2 ** 20;
const fullAt = 2 ** 31;

/** Counts small values in an array, ten times faster than a histogram does, and puts them into one when it is taken. Values are in units of its resolution. */
export class DenseCounts {
  readonly #unit: number;
  #histogram: Histogram;
  #counts = new Uint32Array(first);
  #samples = 0;

  /** `unit`: resolution of the histogram. */
  constructor(unit: number) {
    this.#unit = unit;
    this.#histogram = new Histogram({ resolution: unit });
  }

  add(value: number): void {
    if (value < this.#counts.length) {
      this.#counts[value] = (this.#counts[value] ?? 0) + 1;
      // No 32-bit count has overflowed as long as there are fewer samples than one can hold.
      if (++this.#samples === fullAt) this.#flush();
    } else this.#addLarge(value);
  }

  /** The histogram of everything since the last time, which begins a new one. */
  take(): Histogram {
    this.#flush();
    const histogram = this.#histogram;
    this.#histogram = new Histogram({ resolution: this.#unit });
    return histogram;
  }

  #flush(): void {
    // Not entries(): that makes an array of each pair, and there may be a million.
    for (let value = 0; value < this.#counts.length; value++) {
      const count = this.#counts[value] ?? 0;
      if (count > 0) this.#histogram.record(value * this.#unit, count);
    }
    this.#counts.fill(0);
    this.#samples = 0;
  }

  #addLarge(value: number): void {
    if (value >= last) {
      this.#histogram.record(value * this.#unit);
      return;
    }
    const grown = new Uint32Array(2 ** Math.ceil(Math.log2(value + 1)));
    grown.set(this.#counts);
    this.#counts = grown;
    this.add(value);
  }
}
