import { hdr } from './hdr.js';
import type { Histogram } from './histogram.js';
import type { Nanoseconds } from './units.js';

/** One line of a log. */
export interface HlogEntry {
  /** `thread=0`, say; the format has no place for spaces and commas, which become `_`. */
  readonly tag: string;
  /** Since the start of the log. */
  readonly start: Nanoseconds;
  readonly end: Nanoseconds;
  /** In ns. */
  readonly histogram: Histogram;
}

/** What the Java tools divide by to show Interval_Max: ns become ms. */
const maxValueUnitRatio = 1e6;

const seconds = (ns: Nanoseconds): string => (ns / 1e9).toFixed(3);

/**
 * Writes a histogram log of format 1.3, line by line, as HistogramLogProcessor and HistogramLogAnalyzer read it. Values are ns.
 * Overflow is in it with its greatest value, so that count and percentiles are those of the report.
 */
export const formatHlog = function* (startedAt: Date, entries: Iterable<HlogEntry>): Generator<string> {
  yield '#[Histogram log format version 1.3]\n';
  yield `#[Values are ns; maxValueUnitRatio ${String(maxValueUnitRatio)}: Interval_Max is ms]\n`;
  yield `#[StartTime: ${(startedAt.getTime() / 1000).toFixed(3)} (seconds since epoch), ${startedAt.toUTCString()}]\n`;
  yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n';
  for (const { tag, start, end, histogram } of entries) {
    const max = ((histogram.max ?? 0) / maxValueUnitRatio).toFixed(3);
    const payload = hdr().encodeIntoCompressedBase64(histogram.toHdr());
    yield `Tag=${tag.replaceAll(/[\s,]+/g, '_')},${seconds(start)},${seconds(end - start)},${max},${payload}\n`;
  }
};
