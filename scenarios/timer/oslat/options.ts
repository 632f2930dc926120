import { cpuSelection, type Nanoseconds, size, z } from '../../../lib/plugin.js';
import { fifoPriority, wholeMicroseconds, wholeSeconds } from '../fields.js';

/** Options of oslat: busy loops that see whatever takes the CPU away. */
export const oslatOptions = z
  .strictObject({
    tool: z.literal('oslat').meta({ description: 'Interruptions of a busy loop.' }),
    cpus: cpuSelection.default('1').meta({ description: 'CPUs to keep busy, one thread each (-c).' }),
    duration: wholeSeconds.default(60e9).meta({ description: 'How long to measure (-D), in whole seconds.' }),
    priority: fifoPriority.meta({ description: 'SCHED_FIFO priority (-f). Default: not real-time.' }).optional(),
    buckets: z
      .int()
      .min(5)
      .max(1024)
      .default(32)
      .meta({ description: 'Bins of 1 us (-b); what is longer is overflow with an exact max.' }),
    main_cpu: z.int().min(0).max(8191).meta({ description: 'CPU of the main thread (-C). Default: 0.' }).optional(),
    workload: z.enum(['no', 'memmove']).default('no').meta({ description: 'What the loop does (-w).' }),
    workload_memory: size.meta({ description: 'Memory that `memmove` moves in each loop (-m).' }).optional(),
    trace_threshold: wholeMicroseconds
      .meta({
        description:
          'Stop the trial when an interruption is as long (-T). oslat then gives only the interruptions that were.',
      })
      .optional(),
    bias: z
      .boolean()
      .default(false)
      .meta({ description: 'Take the shortest loop off every one before it is put into a bin (-B).' }),
    single_preheat: z
      .boolean()
      .default(false)
      .meta({ description: 'Warm up on one CPU only (-s): lock the frequency of all.' }),
  })
  .check(({ value, issues }) => {
    const memory = value.workload_memory;
    if (memory === undefined) return;
    const message =
      value.workload === 'no'
        ? 'needs workload: memmove'
        : memory % 1024 === 0 && memory > 0
          ? undefined
          : 'expected whole KiB';
    if (message !== undefined) issues.push({ code: 'custom', path: ['workload_memory'], message, input: value });
  });

export type OslatOptions = z.output<typeof oslatOptions>;

/** It warms up for a second before it measures. */
export const lengthOf = ({ duration }: OslatOptions): Nanoseconds => duration;
