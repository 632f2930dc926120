import { DenseCounts } from './dense-counts.js';
import { Histogram } from './histogram.js';

interface Thread {
  readonly counts: DenseCounts;
  next: number;
}

export interface Samples {
  /** By the tool's thread numbers. */
  readonly threads: ReadonlyMap<number, Histogram>;
  /** Samples that the tool took and did not write: gaps in its own count of them. */
  readonly lost: number;
  /** Lines that are no sample: headings, and whatever was cut off. */
  readonly ignored: number;
}

const newline = 10;
const space = 32;
const zero = 48;
const colon = 58;
const maxThreads = 65_536;
/** An hour: more is nonsense. */
const highest = 3600e9;

/**
 * Takes the bytes of `cyclictest -v` lines (`thread:count:value`, padded with spaces) as they come, cut anywhere, and counts them
 * without making a string of any. Memory depends on threads and range, not on samples.
 */
export class SampleSink {
  readonly #unit: number;
  readonly #threads: (Thread | undefined)[] = [];
  #lost = 0;
  #ignored = 0;
  /** Of the line that has begun: field that is being read, numbers so far, whether it can still be a sample. */
  #field = 0;
  #thread = 0;
  #sequence = 0;
  #number = 0;
  #digits = 0;
  #bad = false;
  #empty = true;

  /** `unit`: nanoseconds in one unit of the values; 1000 without `-N`. */
  constructor(options: { readonly unit?: 1 | 1000 } = {}) {
    this.#unit = options.unit ?? 1000;
  }

  write(chunk: Uint8Array): void {
    let field = this.#field;
    let number = this.#number;
    let digits = this.#digits;
    let bad = this.#bad;
    let empty = this.#empty;
    // An index, not for-of: half as fast again.
    const { length } = chunk;
    for (let index = 0; index < length; index++) {
      const byte = chunk[index] ?? 0;
      const digit = byte - zero;
      if (digit >= 0 && digit <= 9) {
        number = number * 10 + digit;
        digits++;
        empty = false;
      } else if (byte === space) bad ||= digits > 0;
      else if (byte === newline) {
        if (bad || field !== 2 || digits === 0 || digits > 15) this.#ignored += empty ? 0 : 1;
        else this.#sample(number);
        field = number = digits = 0;
        bad = false;
        empty = true;
      } else {
        bad ||= byte !== colon || digits === 0 || digits > 15 || field === 2;
        empty = false;
        if (field === 0) this.#thread = number;
        else this.#sequence = number;
        field++;
        number = digits = 0;
      }
    }
    this.#field = field;
    this.#number = number;
    this.#digits = digits;
    this.#bad = bad;
    this.#empty = empty;
  }

  /** A last line without its end is not counted: its value may have been cut. */
  finish(): Samples {
    const threads = new Map<number, Histogram>();
    for (const [number, thread] of this.#threads.entries())
      if (thread !== undefined) threads.set(number, thread.counts.flush());
    return { threads, lost: this.#lost, ignored: this.#ignored + (this.#empty ? 0 : 1) };
  }

  #sample(value: number): void {
    if (value * this.#unit > highest || this.#thread >= maxThreads) {
      this.#ignored++;
      return;
    }
    const thread = (this.#threads[this.#thread] ??= {
      counts: new DenseCounts(new Histogram({ resolution: this.#unit })),
      next: 0,
    });
    if (this.#sequence > thread.next) this.#lost += this.#sequence - thread.next;
    thread.next = this.#sequence + 1;
    thread.counts.add(value);
  }
}
