import { type MeasuredHistogram, z } from '../../../lib/plugin.js';
import { count, readResult, toolHistogram } from '../result-json.js';
import { nonsense, threadHistogram } from '../thread-histogram.js';
import { type CyclictestOptions, histogramOf, loopsOf, unitOf } from './options.js';

const threadSchema = z.object({
  histogram: toolHistogram,
  cycles: count,
  min: z.number(),
  max: z.number(),
  /** null: nan, of no cycles. */
  avg: z.number().nullable(),
  cpu: z.int().optional(),
});

export interface CyclictestResult {
  readonly version: string;
  /** One for each thread. */
  readonly metrics: readonly MeasuredHistogram[];
  readonly breach?: string;
}

/** What a min is before the first cycle, in us or ns: it stays that where all are greater. */
const initialMin = 1e6;

const histogramOfThread = (index: string, thread: z.output<typeof threadSchema>, options: CyclictestOptions) => {
  const who = `cyclictest: thread ${index}`;
  const unit = unitOf(options);
  const limit = histogramOf(options);
  const bins = new Map(Object.entries(thread.histogram).map(([value, samples]) => [Number(value) * unit, samples]));
  for (const edge of bins.keys())
    if (edge >= limit) throw nonsense(who, `a bin of ${String(edge)} ns, beyond the ${String(limit)} ns asked for`);
  if (thread.avg === null && thread.cycles > 0)
    throw nonsense(who, `${String(thread.cycles)} cycles, but a mean that is no number`);
  return threadHistogram({
    who,
    resolution: unit,
    bins,
    width: () => unit,
    count: thread.cycles,
    min: thread.min === initialMin ? undefined : thread.min * unit,
    max: thread.max * unit,
    overflowFrom: limit,
    mean: thread.avg === null ? undefined : { value: thread.avg * unit, error: 0.01 * unit },
  });
};

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
    const labels = {
      thread: index,
      ...(thread.cpu === undefined || thread.cpu < 0 ? {} : { cpu: String(thread.cpu) }),
    };
    return {
      kind: 'histogram',
      name: 'latency',
      unit: 'ns',
      labels,
      histogram: histogramOfThread(index, thread, options),
    };
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
