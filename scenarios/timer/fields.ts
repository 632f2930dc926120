import { duration, type Nanoseconds, z } from '../../lib/plugin.js';

const multipleOf = (unit: Nanoseconds, name: string) =>
  duration.refine((value) => value > 0 && value % unit === 0, { error: `expected whole ${name}, at least one` });

export const wholeMicroseconds = multipleOf(1e3, 'microseconds');
export const wholeSeconds = multipleOf(1e9, 'seconds');

export const fifoPriority = z.int().min(1).max(99);

/** How many CPUs a selection names, where that does not depend on the host. */
export const countCpus = (selection: string): number | undefined => {
  const cpus = new Set<number>();
  for (const part of selection.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (match === null) return undefined;
    for (let cpu = Number(match[1]); cpu <= Number(match[2] ?? match[1]); cpu++) cpus.add(cpu);
  }
  return cpus.size;
};
