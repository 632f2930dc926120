import { type MeasuredHistogram, z } from '../../../lib/plugin.js';
import { count, readResult, toolHistogram } from '../result-json.js';
import { nonsense, threadHistogram } from '../thread-histogram.js';
import { type CyclictestOptions, loopsOf, unitOf } from './options.js';

const threadSchema = z.object({
  histogram: toolHistogram,
  cycles: count,
  min: z.number(),
  max: z.number(),
  avg: z.number(),
  cpu: z.int().optional(),
});

export interface CyclictestResult {
  readonly version: string;
  /** One for each thread. */
  readonly metrics: readonly MeasuredHistogram[];
  readonly breach?: string;
}

/**
 * Reads what `cyclictest --json` wrote. Values are whole us (or ns), rounded down by the tool: 35 is 35.0 to 35.999 us. Latencies of
 * `histogram` and above are not in its bins; how many there were is its cycles less the bins, the greatest is its max.
 */
export const parseCyclictest = (text: string, options: CyclictestOptions): CyclictestResult => {
  const { version, threads, document } = readResult('cyclictest', text, threadSchema);
  const unit = unitOf(options);
  const { resolution_in_ns: resolution } =
    z.object({ resolution_in_ns: z.literal([0, 1]) }).safeParse(document).data ?? {};
  if (resolution !== (options.nanoseconds ? 1 : 0))
    throw nonsense('cyclictest', `its result is not in ${options.nanoseconds ? 'ns' : 'us'}, which was asked for`);

  let broken: { readonly max: number; readonly index: string } | undefined;
  const metrics = threads.map(({ index, thread }): MeasuredHistogram => {
    const max = thread.max * unit;
    if (options.break !== 'none' && max > options.break && max > (broken?.max ?? 0)) broken = { max, index };
    const bins = new Map(Object.entries(thread.histogram).map(([value, samples]) => [Number(value) * unit, samples]));
    for (const edge of bins.keys())
      if (edge >= options.histogram)
        throw nonsense(
          `cyclictest: thread ${index}`,
          `a bin of ${String(edge)} ns, beyond the ${String(options.histogram)} ns asked for`,
        );
    const histogram = threadHistogram({
      who: `cyclictest: thread ${index}`,
      resolution: unit,
      bins,
      width: () => unit,
      count: thread.cycles,
      min: thread.min * unit,
      max,
      overflowFrom: options.histogram,
      mean: { value: thread.avg * unit, error: 0.01 * unit },
    });
    const labels = {
      thread: index,
      ...(thread.cpu === undefined || thread.cpu < 0 ? {} : { cpu: String(thread.cpu) }),
    };
    return { kind: 'histogram', name: 'latency', unit: 'ns', labels, histogram };
  });
  const loops = loopsOf(options);
  // It ends as soon as one thread has done its loops: on a loaded machine the others have done fewer then.
  const most = Math.max(...threads.map(({ thread }) => thread.cycles));
  if (broken === undefined && loops !== undefined && most !== loops)
    throw nonsense('cyclictest', `${String(most)} of ${String(loops)} loops: it was stopped`);
  if (broken === undefined) return { version, metrics };
  const breach = `thread ${broken.index} had a latency of ${String(broken.max / 1000)} us, above the ${String(Number(options.break) / 1000)} us of break, which ends the trial (break: none lets it go on)`;
  return { version, metrics, breach };
};
