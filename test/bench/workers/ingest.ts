/** `ingest.ts TOTAL UNIT`: counts TOTAL generated `cyclictest -v` samples of four threads and prints time and peak memory as JSON. */
import { SampleSink } from '../../../lib/measure/sample-sink.js';

const threads = 4;
const cycles = 50_000;
const chunk = 65_536;
const width = 8;
const lineBytes = 3 * (width + 1);

/** `threads * cycles` samples whose cycle numbers are yet to be put in. */
const makeLines = (unit: number): Buffer => {
  let state = 1;
  const lines: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle++)
    for (let thread = 0; thread < threads; thread++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const value = Math.floor((-Math.log((state + 1) / 2 ** 32) * 8000 + 3000) / unit);
      lines.push(`${[thread, '', value].map((field) => String(field).padStart(width)).join(':')}\n`);
    }
  return Buffer.from(lines.join(''));
};

/** Numbers the cycles from `first` on, as the tool would write them. */
const number = (lines: Buffer, first: number): void => {
  for (let cycle = 0; cycle < cycles; cycle++) {
    const text = String(first + cycle).padStart(width);
    for (let thread = 0; thread < threads; thread++)
      lines.write(text, (cycle * threads + thread) * lineBytes + width + 1, 'latin1');
  }
};

const [total, unit] = process.argv.slice(2).map(Number);
if (total === undefined || (unit !== 1 && unit !== 1000)) throw new Error('ingest.ts TOTAL UNIT');
const lines = makeLines(unit);
const sink = new SampleSink({ unit });
let elapsed = 0;
for (let done = 0; done < total; done += threads * cycles) {
  number(lines, done / threads);
  const started = performance.now();
  for (let at = 0; at < lines.length; at += chunk) sink.write(lines.subarray(at, at + chunk));
  elapsed += performance.now() - started;
}
const started = performance.now();
const { threads: histograms, lost, ignored } = sink.finish();
elapsed += performance.now() - started;
const count = [...histograms.values()].reduce((sum, histogram) => sum + histogram.count, 0);
if (count !== total || lost > 0 || ignored > 0)
  throw new Error(
    `${String(count)} of ${String(total)} samples counted, ${String(lost)} lost, ${String(ignored)} ignored`,
  );
console.log(JSON.stringify({ seconds: elapsed / 1000, peak: process.resourceUsage().maxRSS * 1024 }));
