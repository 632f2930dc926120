/** Samples a second and memory of SampleSink, for 1 M and for 100 M generated `cyclictest -v` lines of four threads. */
import { SampleSink } from '../../lib/measure/sample-sink.js';

const threads = 4;
const cycles = 50_000;

/** Bytes of `threads * cycles` samples, made before the clock runs; the sequence numbers start again with each repetition. */
const lines = (unit: 1 | 1000): Buffer => {
  let state = 1;
  const parts: string[] = [];
  for (let cycle = 0; cycle < cycles; cycle++)
    for (let thread = 0; thread < threads; thread++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const value = Math.floor((-Math.log((state + 1) / 2 ** 32) * 8000 + 3000) / unit);
      parts.push(`${String(thread).padStart(8)}:${String(cycle).padStart(8)}:${String(value).padStart(8)}\n`);
    }
  return Buffer.from(parts.join(''));
};

const chunk = 65_536;
for (const unit of [1000, 1] as const) {
  const bytes = lines(unit);
  for (const total of [1e6, 1e8]) {
    const sink = new SampleSink({ unit });
    const before = process.memoryUsage.rss();
    const started = performance.now();
    for (let done = 0; done < total; done += threads * cycles)
      for (let at = 0; at < bytes.length; at += chunk) sink.write(bytes.subarray(at, at + chunk));
    const { threads: histograms } = sink.finish();
    const elapsed = (performance.now() - started) / 1000;
    const count = [...histograms.values()].reduce((sum, histogram) => sum + histogram.count, 0);
    if (count !== total) throw new Error(`${String(count)} of ${String(total)} samples counted`);
    const rss = process.memoryUsage.rss();
    console.log(
      `unit ${String(unit)} ns  ${String(total / 1e6).padStart(4)} M samples  ${(count / elapsed / 1e6).toFixed(1)} M samples/s  ` +
        `RSS ${(rss / 2 ** 20).toFixed(0)} MiB (before ${(before / 2 ** 20).toFixed(0)} MiB)`,
    );
  }
}
