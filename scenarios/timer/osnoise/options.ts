import { cpuSelection, type Nanoseconds, z } from '../../../lib/plugin.js';
import { fifoPriority, rtlaRunFields, wholeMicroseconds, wholeSeconds } from '../fields.js';

/** Options of `rtla osnoise hist`. */
export const osnoiseOptions = z
  .strictObject({
    tool: z
      .literal('osnoise')
      .meta({ description: 'What takes the CPU from a thread of the kernel that never sleeps.' }),
    cpus: cpuSelection.default('1').meta({ description: 'CPUs to measure, one thread each (-c).' }),
    duration: wholeSeconds.default(60e9).meta({ description: 'How long to measure (-d), in whole seconds.' }),
    period: wholeMicroseconds
      .refine((value) => value <= 10e9, 'expected at most 10s')
      .meta({ description: 'How often a thread begins anew (-p). Default: 1s, as the tracer has it.' })
      .optional(),
    runtime: wholeMicroseconds
      .refine((value) => value >= 100e3, 'expected at least 100us')
      .meta({ description: 'For how long of each period it runs (-r). Default: all of it.' })
      .optional(),
    threshold: wholeMicroseconds
      .meta({ description: "The shortest noise that counts (-T). Default: the tracer's own, 5us." })
      .optional(),
    priority: fifoPriority
      .meta({ description: 'SCHED_FIFO priority of the threads (-P). Default: not real-time.' })
      .optional(),
    entries: z
      .int()
      .min(10)
      .max(9_999_999)
      .default(1000)
      .meta({ description: 'Bins of 1 us (-E); what is beyond is overflow with an exact max.' }),
    stop: wholeMicroseconds.meta({ description: 'Stop the trial when a single noise is above it (-s).' }).optional(),
    auto: wholeMicroseconds
      .meta({
        description: 'Stop and save a trace when a single noise is above it; noise counts from 1us on then (-a).',
      })
      .optional(),
    ...rtlaRunFields,
  })
  .check(({ value, issues }) => {
    const issue = (path: string, message: string): void =>
      void issues.push({ code: 'custom', path: [path], message, input: value });
    for (const name of ['stop', 'threshold'] as const)
      if (value.auto !== undefined && value[name] !== undefined)
        issue(name, 'give auto or this, not both: auto sets it too (-a sets -s and -T)');
    // The tracer refuses a runtime above its period, whichever of the two is set first.
    if ((value.runtime ?? 0) > (value.period ?? 1e9)) issue('runtime', 'expected at most the period (1s by default)');
  });

export type OsnoiseOptions = z.output<typeof osnoiseOptions>;

export const lengthOf = ({ duration: time, warm_up: warmUp }: OsnoiseOptions): Nanoseconds => time + (warmUp ?? 0);
