import type { Labels, MeasuredHistogram, Metric } from '../../../lib/plugin.js';
import { nonsense } from '../thread-histogram.js';

/** What `cyclictest --smi` counted, one number for each thread in a line of its own after the histogram; the JSON has none of it. */
export const smiCounters = (stdout: string, threads: readonly MeasuredHistogram[]): readonly Metric[] => {
  const line = /^# SMIs:((?: +\d{1,15})+) *$/m.exec(stdout)?.[1];
  if (line === undefined) throw nonsense('cyclictest', 'it was to count SMIs, and says nothing of them');
  const counts = line.trim().split(/ +/).map(Number);
  if (counts.length !== threads.length)
    throw nonsense('cyclictest', `SMIs of ${String(counts.length)} threads, and ${String(threads.length)} measured`);
  return counts.map((value, index) => {
    const labels: Labels = threads[index]?.labels ?? {};
    return { kind: 'counter', name: 'smi', unit: 'count', labels, value };
  });
};
