import { type EncodedHistogram, type Nanoseconds, type Samples, SampleSink } from '../../../lib/plugin.js';
import { nonsense } from '../thread-histogram.js';
import { type CyclictestOptions, unitOf } from './options.js';

/** Encoded, because there may be thousands and an open histogram takes tens of kB. */
export interface WrittenInterval {
  readonly index: number;
  readonly histogram: EncodedHistogram;
}

/** What `cyclictest -v` wrote, by its thread numbers. */
export interface WrittenSamples {
  readonly threads: Samples['threads'];
  readonly intervals: ReadonlyMap<number, readonly WrittenInterval[]>;
}

/** With a histogram cyclictest ends its samples with it, whatever made it stop. */
const heading = Buffer.from('\n# Histogram\n');

/** Gives the bytes before the heading to `take`; whether there was one. */
const upToHeading = async (chunks: AsyncIterable<Uint8Array>, take: (bytes: Uint8Array) => void): Promise<boolean> => {
  let held: Uint8Array = new Uint8Array();
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([held, chunk]);
    const at = bytes.indexOf(heading);
    if (at >= 0) {
      take(bytes.subarray(0, at + 1));
      return true;
    }
    const sure = Math.max(0, bytes.length - heading.length + 1);
    take(bytes.subarray(0, sure));
    held = bytes.subarray(sure);
  }
  take(held);
  return false;
};

/**
 * Reads the samples of `cyclictest -v -h` as they come; memory does not grow with them. Sample `c` of a thread is in interval
 * floor(c * interval / stream). Fault `tool` where one is missing before the last that was written, or the output was cut off.
 */
export const readSamples = async (
  chunks: AsyncIterable<Uint8Array>,
  options: CyclictestOptions & { readonly stream: Nanoseconds },
): Promise<WrittenSamples> => {
  const intervals = new Map<number, WrittenInterval[]>();
  const sink = new SampleSink({
    unit: unitOf(options),
    intervals: {
      first: (index) => Math.ceil((index * options.stream) / options.interval),
      done: ({ thread, index, histogram }) => {
        const before = intervals.get(thread) ?? [];
        intervals.set(thread, before);
        before.push({ index, histogram: histogram.encode() });
      },
    },
  });
  const whole = await upToHeading(chunks, (bytes) => {
    sink.write(bytes);
  });
  const { threads, lost, repeated } = sink.finish();
  if (!whole) throw nonsense('cyclictest', 'its samples were cut off: no histogram comes after them');
  if (lost > 0) throw nonsense('cyclictest', `${String(lost)} of its samples are not in its output`);
  if (repeated > 0) throw nonsense('cyclictest', `${String(repeated)} samples are in its output twice`);
  return { threads, intervals };
};
