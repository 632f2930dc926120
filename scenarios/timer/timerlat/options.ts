import { cpuSelection, duration, type Nanoseconds, z } from '../../../lib/plugin.js';
import { fifoPriority, rtlaRunFields, wholeMicroseconds, wholeSeconds } from '../fields.js';

/** Options of `rtla timerlat hist`. */
export const timerlatOptions = z
  .strictObject({
    tool: z.literal('timerlat').meta({ description: 'Timer latency inside the kernel, at the IRQ and at the thread.' }),
    cpus: cpuSelection.default('1').meta({ description: 'CPUs to measure, one thread each (-c).' }),
    duration: wholeSeconds.default(60e9).meta({ description: 'How long to measure (-d), in whole seconds.' }),
    period: wholeMicroseconds
      .refine((value) => value <= 1e9, 'expected at most 1s')
      .default(1e6)
      .meta({ description: 'Between two timers of a CPU (-p).' }),
    priority: fifoPriority
      .meta({ description: "SCHED_FIFO priority of the threads (-P). Default: the tracer's own, 95." })
      .optional(),
    bucket: z
      .int()
      .min(1)
      .max(999_999)
      .default(1)
      .meta({ description: 'Width of a bin (-b), in us, or in ns with `nanoseconds`.' }),
    entries: z
      .int()
      .min(10)
      .max(9_999_999)
      .default(256)
      .meta({ description: 'Bins (-E); what is beyond is overflow with an exact max.' }),
    nanoseconds: z.boolean().default(false).meta({ description: 'Measure in ns, not us (-n).' }),
    stop_irq: wholeMicroseconds
      .meta({ description: 'Stop the trial when the latency at the IRQ is above it (-i).' })
      .optional(),
    stop_thread: wholeMicroseconds
      .meta({ description: 'Stop the trial when the latency at the thread is above it (-T).' })
      .optional(),
    stack: wholeMicroseconds
      .meta({ description: 'Save the stack at the IRQ when the latency at the thread is above it (-s).' })
      .optional(),
    auto: wholeMicroseconds
      .meta({ description: 'Stop, save stack and trace when a latency is above it (-a).' })
      .optional(),
    auto_analysis: z
      .boolean()
      .default(false)
      .meta({ description: 'Let rtla say what caused a stop, where it can (rtla 6.3 and newer).' }),
    dma_latency: duration
      .refine((value) => value % 1000 === 0 && value < 1e7, 'expected whole us below 10ms')
      .meta({ description: 'PM QoS latency asked for meanwhile (--dma-latency).' })
      .optional(),
    user_threads: z
      .boolean()
      .default(false)
      .meta({ description: 'Measure with threads in user space (-u; rtla 6.5 and newer).' }),
    ...rtlaRunFields,
  })
  .check(({ value, issues }) => {
    for (const name of ['stop_irq', 'stop_thread', 'stack'] as const)
      if (value.auto !== undefined && value[name] !== undefined)
        issues.push({
          code: 'custom',
          path: [name],
          message: 'give auto or this, not both: auto sets it too (-a sets -i, -T and -s)',
          input: value,
        });
    if (
      value.auto_analysis &&
      value.auto === undefined &&
      value.stop_irq === undefined &&
      value.stop_thread === undefined
    )
      issues.push({
        code: 'custom',
        path: ['auto_analysis'],
        message: 'needs auto, stop_irq or stop_thread',
        input: value,
      });
  });

export type TimerlatOptions = z.output<typeof timerlatOptions>;

export const lengthOf = ({ duration: time, warm_up: warmUp }: TimerlatOptions): Nanoseconds => time + (warmUp ?? 0);
