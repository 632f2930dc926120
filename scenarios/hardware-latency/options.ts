import { cpuSelection, duration, type Nanoseconds, z } from '../../lib/plugin.js';

const multipleOf = (unit: Nanoseconds, name: string) =>
  duration.refine((value) => value > 0 && value % unit === 0, { error: `expected whole ${name}, at least one` });
const wholeMicroseconds = multipleOf(1e3, 'microseconds');
const wholeSeconds = multipleOf(1e9, 'seconds');

const common = {
  cpus: cpuSelection.default('all').meta({ description: 'CPUs to watch, all at the same time.' }),
  duration: wholeSeconds.default(60e9).meta({ description: 'How long to watch, in whole seconds.' }),
};

/** Options of the kernel's hwlat tracer. */
export const hwlatOptions = z
  .strictObject({
    tool: z
      .literal('hwlat')
      .default('hwlat')
      .meta({ description: "The kernel's hwlat tracer, as hwlatdetect uses it." }),
    ...common,
    threshold: wholeMicroseconds.default(10e3).meta({ description: 'The shortest gap that counts.' }),
    width: wholeMicroseconds
      .default(500e6)
      .meta({ description: 'How long a CPU spins in each window, with interrupts off.' }),
    window: wholeMicroseconds.default(1e9).meta({ description: 'How often it does.' }),
  })
  .check(({ value, issues }) => {
    if (value.width >= value.window)
      issues.push({ code: 'custom', path: ['width'], message: 'expected less than the window', input: value });
    if (value.window > value.duration)
      issues.push({ code: 'custom', path: ['window'], message: 'expected at most the duration', input: value });
  });

/** Options of `rtla hwnoise`. */
export const hwnoiseOptions = z.strictObject({
  tool: z
    .literal('hwnoise')
    .meta({ description: 'rtla hwnoise: the osnoise tracer with interrupts off (rtla 6.3 and newer).' }),
  ...common,
  threshold: wholeMicroseconds
    .meta({ description: "The shortest gap that counts (-T). Default: the tracer's own, 5us." })
    .optional(),
});

export const hardwareLatencyOptions = z.discriminatedUnion('tool', [hwlatOptions, hwnoiseOptions]);

export type HwlatOptions = z.output<typeof hwlatOptions>;
export type HwnoiseOptions = z.output<typeof hwnoiseOptions>;
export type HardwareLatencyOptions = z.output<typeof hardwareLatencyOptions>;
