import * as z from 'zod';
import { cpuSelection } from '../host/cpu-list.js';
import { size } from '../measure/fields.js';

export const stressors = ['cpu', 'vm', 'io', 'hdd', 'cache', 'matrix', 'timer', 'sock'] as const;

/** What else runs during the measured window: stress-ng with a CPU set of its own. */
export const loadSchema = z.strictObject({
  host: z
    .string()
    .meta({ description: 'A host or a context of the suite. Default: the machine that is measured.' })
    .optional(),
  stressor: z.enum(['none', ...stressors]).meta({ description: 'Stressor of stress-ng; `none` is no load.' }),
  cpus: cpuSelection.meta({ description: 'CPUs that the load may use. Default: all that are online.' }).optional(),
  workers: z.int().min(1).meta({ description: 'Stressor instances. Default: one for each CPU of the set.' }).optional(),
  percent: z.int().min(1).max(100).meta({ description: 'CPU load of the `cpu` stressor.' }).optional(),
  memory: size.meta({ description: 'Memory for each worker of the `vm` stressor.' }).optional(),
});
export type LoadSpec = z.output<typeof loadSchema>;
