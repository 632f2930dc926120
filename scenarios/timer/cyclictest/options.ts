import { cpuSelection, duration, type Nanoseconds, z } from '../../../lib/plugin.js';
import { wholeMicroseconds, wholeSeconds } from '../fields.js';

const mostIntervals = 100_000;
const realtime = ['fifo', 'rr'];

interface Length {
  readonly duration?: Nanoseconds | undefined;
  readonly loops?: number | undefined;
  readonly interval: Nanoseconds;
}

const streamProblem = (
  options: Length & { readonly stream?: Nanoseconds | undefined; readonly smi: boolean },
): string | undefined => {
  const { stream, smi, interval } = options;
  if (stream === undefined) return undefined;
  if (smi) return 'give stream or smi, not both: smi changes how samples are written';
  if (stream < interval) return 'expected at least one interval of the timer';
  return lengthOf(options) / stream > mostIntervals
    ? `expected at most ${String(mostIntervals)} intervals in the time measured`
    : undefined;
};

/** Options of cyclictest. With `histogram: 90us` and defaults else it is KVM4NFV's command. */
export const cyclictestOptions = z
  .strictObject({
    tool: z.literal('cyclictest').default('cyclictest').meta({ description: 'Latency of timer wake-ups.' }),
    cpus: cpuSelection.default('1').meta({ description: 'CPUs of the measuring threads, one after the other (-a).' }),
    threads: z
      .int()
      .min(1)
      .max(4096)
      .meta({ description: 'Measuring threads (-t). Default: one for each CPU.' })
      .optional(),
    priority: z
      .int()
      .min(0)
      .max(99)
      .meta({ description: 'Of the measuring threads (-p). Default: 99, or 0 under a policy that is not real-time.' })
      .optional(),
    policy: z
      .enum(['fifo', 'rr', 'other', 'normal', 'batch', 'idle'])
      .meta({ description: 'Scheduling policy. Default: fifo.' })
      .optional(),
    interval: wholeMicroseconds.default(1e6).meta({ description: 'Between two wake-ups of a thread (-i).' }),
    duration: wholeSeconds.meta({ description: 'How long to measure (-D), in whole seconds.' }).optional(),
    loops: z
      .int()
      .min(1)
      .max(2 ** 31 - 1)
      .meta({ description: 'Wake-ups of each thread (-l). Default, without duration: 1000.' })
      .optional(),
    histogram: duration
      .meta({
        description:
          'Latencies below it get a bin each, those above are overflow with an exact max (-h). Default: 10ms, or 200us with nanoseconds.',
      })
      .optional(),
    break: z
      .union([wholeMicroseconds, z.literal('none')])
      .default(1e6)
      .meta({ description: 'Stop the trial when a latency is above it (-b).' }),
    tracemark: z
      .boolean()
      .default(false)
      .meta({ description: 'Write a trace mark where `break` stops (--tracemark).' }),
    main_affinity: cpuSelection.meta({ description: 'CPUs of the main thread (--mainaffinity).' }).optional(),
    mlockall: z.boolean().default(true).meta({ description: 'Lock memory (-m).' }),
    clock: z.enum(['monotonic', 'realtime']).default('monotonic').meta({ description: 'Clock to sleep on (-c).' }),
    aligned: wholeMicroseconds
      .meta({ description: 'Offset between the wake-ups of one thread and the next (-A).' })
      .optional(),
    secaligned: wholeMicroseconds
      .meta({ description: 'Wake up at the full second plus this offset (--secaligned).' })
      .optional(),
    nanoseconds: z
      .boolean()
      .default(false)
      .meta({ description: 'Measure in ns, not us (-N). Bins are 1 ns wide then.' }),
    latency: z
      .union([duration, z.literal('system')])
      .meta({
        description:
          'PM QoS latency asked for meanwhile (--latency); `system` asks for none. Default: 0, no deep C-state.',
      })
      .optional(),
    stream: duration
      .refine((value) => value > 0, { error: 'expected more than 0' })
      .meta({
        description:
          'Write every sample (-v) and cut them into intervals of this length. Default: no samples, one histogram for all.',
      })
      .optional(),
    smi: z.boolean().default(false).meta({ description: 'Count system management interrupts (--smi; Intel only).' }),
  })
  .check((context) => {
    const { value, issues } = context;
    const issue = (path: string, message: string): void =>
      void issues.push({ code: 'custom', path: [path], message, input: value });
    if (value.duration !== undefined && value.loops !== undefined) issue('loops', 'give duration or loops, not both');
    const policy = value.policy ?? 'fifo';
    if (realtime.includes(policy) && value.priority === 0)
      issue('priority', `policy ${policy} needs a priority from 1 to 99`);
    if (!realtime.includes(policy) && (value.priority ?? 0) > 0) issue('priority', `policy ${policy} has no priority`);
    if (value.aligned !== undefined && value.secaligned !== undefined)
      issue('secaligned', 'give aligned or secaligned, not both');
    const unit = value.nanoseconds ? 1 : 1000;
    const bins = histogramOf(value) / unit;
    if (!Number.isInteger(bins) || bins < 1 || bins > 1e6)
      issue('histogram', `expected 1 to 1000000 whole ${value.nanoseconds ? 'ns' : 'us'}: a bin for each`);
    if (value.tracemark && value.break === 'none') issue('tracemark', 'needs break');
    const problem = streamProblem(value);
    if (problem !== undefined) issue('stream', problem);
  });

export type CyclictestOptions = z.output<typeof cyclictestOptions>;

/** Nanoseconds in one unit of the tool's output, of `-h` and of `-b`. */
export const unitOf = ({ nanoseconds }: CyclictestOptions): 1 | 1000 => (nanoseconds ? 1 : 1000);
/** Where the bins end. cyclictest prints a line for each of them: of 1 ns there are fewer by default. */
export const histogramOf = ({
  histogram,
  nanoseconds,
}: {
  readonly histogram?: Nanoseconds | undefined;
  readonly nanoseconds: boolean;
}): Nanoseconds => histogram ?? (nanoseconds ? 200e3 : 10e6);
/** How many bins, all of which may have samples. */
export const binsOf = (options: CyclictestOptions): number => histogramOf(options) / unitOf(options);
export const loopsOf = ({ duration: time, loops }: Length): number | undefined =>
  time === undefined ? (loops ?? 1000) : undefined;
/** How long it will measure. All threads have the same interval: with a histogram cyclictest knows no `--distance`. */
export const lengthOf = (options: Length): Nanoseconds =>
  options.duration ?? (loopsOf(options) ?? 0) * options.interval;
