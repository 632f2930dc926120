import { DenseCounts } from './dense-counts.js';
import { Histogram } from './histogram.js';

interface Thread {
  readonly counts: DenseCounts;
  readonly total: Histogram;
  /** The number that the next sample should have. */
  next: number;
  interval: number;
  /** The number of the first sample that is beyond the interval. */
  boundary: number;
}

/** The samples of one thread in one interval. */
export interface SampleInterval {
  readonly thread: number;
  /** Counted from 0; an interval without samples is left out. */
  readonly index: number;
  readonly histogram: Histogram;
}

export interface SampleSinkOptions {
  /** Nanoseconds in one unit of the values; 1000 without `-N`. Default: 1000. */
  readonly unit?: 1 | 1000;
  /**
   * Cuts the samples of each thread into intervals, by the tool's own numbers of them. `first`: number of the first sample of an
   * interval, greater than that of the interval before. `done` is given each as soon as it is over, the last ones by `finish`.
   */
  readonly intervals?: { readonly first: (index: number) => number; readonly done: (interval: SampleInterval) => void };
}

export interface Samples {
  /** By the tool's thread numbers. */
  readonly threads: ReadonlyMap<number, Histogram>;
  /** Samples that the tool took and did not write: gaps in its own count of them. */
  readonly lost: number;
  /** Samples whose number was there already: the output is not one of a single run of the tool. */
  readonly repeated: number;
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
  readonly #intervals: SampleSinkOptions['intervals'];
  #lost = 0;
  #repeated = 0;
  #ignored = 0;
  /** Of the line that has begun: field that is being read, numbers so far, whether it can still be a sample. */
  #field = 0;
  #thread = 0;
  #sequence = 0;
  #number = 0;
  #digits = 0;
  #bad = false;
  #empty = true;

  constructor(options: SampleSinkOptions = {}) {
    this.#unit = options.unit ?? 1000;
    this.#intervals = options.intervals;
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
      if (thread !== undefined) threads.set(number, this.#take(number, thread).total);
    return { threads, lost: this.#lost, repeated: this.#repeated, ignored: this.#ignored + (this.#empty ? 0 : 1) };
  }

  #sample(value: number): void {
    if (value * this.#unit > highest || this.#thread >= maxThreads) {
      this.#ignored++;
      return;
    }
    const thread = (this.#threads[this.#thread] ??= this.#begin());
    if (this.#sequence > thread.next) this.#lost += this.#sequence - thread.next;
    else if (this.#sequence < thread.next) this.#repeated++;
    thread.next = this.#sequence + 1;
    if (this.#sequence >= thread.boundary) this.#nextInterval(this.#thread, thread);
    thread.counts.add(value);
  }

  #begin(): Thread {
    return {
      counts: new DenseCounts(this.#unit),
      total: new Histogram({ resolution: this.#unit }),
      next: 0,
      interval: 0,
      boundary: this.#intervals?.first(1) ?? Infinity,
    };
  }

  #nextInterval(number: number, thread: Thread): void {
    this.#take(number, thread);
    while (this.#sequence >= thread.boundary) {
      thread.interval++;
      thread.boundary = this.#intervals?.first(thread.interval + 1) ?? Infinity;
    }
  }

  #take(number: number, thread: Thread): Thread {
    const histogram = thread.counts.take();
    thread.total.merge(histogram);
    if (histogram.count > 0) this.#intervals?.done({ thread: number, index: thread.interval, histogram });
    return thread;
  }
}
