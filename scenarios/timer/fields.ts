import { cpuSelection, duration, type Nanoseconds, z } from '../../lib/plugin.js';

const multipleOf = (unit: Nanoseconds, name: string) =>
  duration.refine((value) => value > 0 && value % unit === 0, { error: `expected whole ${name}, at least one` });

export const wholeMicroseconds = multipleOf(1e3, 'microseconds');
export const wholeSeconds = multipleOf(1e9, 'seconds');

export const fifoPriority = z.int().min(1).max(99);

/** The CPUs that a selection names, where that does not depend on the host. */
export const namedCpus = (selection: string): ReadonlySet<number> | undefined => {
  const cpus = new Set<number>();
  for (const part of selection.split(',')) {
    const match = /^\s*(\d+)(?:-(\d+))?\s*$/.exec(part);
    if (match === null) return undefined;
    for (let cpu = Number(match[1]); cpu <= Number(match[2] ?? match[1]); cpu++) cpus.add(cpu);
  }
  return cpus;
};

/** How rtla itself runs, whichever of its tracers measures. */
export const rtlaRunFields = {
  house_keeping: cpuSelection.meta({ description: "CPUs of rtla's own threads (-H; rtla 6.3 and newer)." }).optional(),
  warm_up: wholeSeconds
    .meta({ description: 'Run that long before measuring (--warm-up; rtla 6.9 and newer).' })
    .optional(),
};
