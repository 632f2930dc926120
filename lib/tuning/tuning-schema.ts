import * as z from 'zod';
import { cpuSelection } from '../host/cpu-list.js';

/** Parameters of a profile. */
export const parametersSchema = z.strictObject({
  isolated_cpus: cpuSelection.meta({ description: 'CPUs kept free for real-time work.' }).optional(),
  housekeeping_cpus: cpuSelection.meta({ description: 'CPUs for everything else. Default: the rest.' }).optional(),
  node: z
    .int()
    .min(0)
    .meta({ description: 'NUMA node that memory is set up on. Default: the node of the first isolated CPU.' })
    .optional(),
});

/** A knob's value as written; `keep` leaves alone what an inherited profile would set. */
const knobValues = z
  .record(
    z.string().regex(/^[a-z][a-z0-9-]*$/),
    z.union([z.string(), z.number(), z.boolean(), z.array(z.unknown()), z.record(z.string(), z.unknown())]),
  )
  .meta({ description: 'Knobs by name, put over those of the profile. `keep` leaves a knob alone.' });

/** What a suite's context says of tuning. */
export const tuningSchema = z.strictObject({
  profile: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
    .default('none')
    .meta({ description: 'Name of a profile.', examples: ['realtime-host'] }),
  with: parametersSchema.prefault({}).meta({ description: 'Parameters of the profile.' }),
  knobs: knobValues.prefault({}),
  reboot: z.boolean().default(false).meta({
    description:
      'Reboot the machine when a knob needs it. Without it such a knob stops the run before anything is measured.',
  }),
  restore_boot: z.boolean().default(true).meta({
    description: 'Put the kernel command line back after the run, and reboot again. false: leave it for the next run.',
  }),
});
export type TuningSpec = z.output<typeof tuningSchema>;

export const profileSchema = z.strictObject({
  profile: z.string(),
  summary: z.string(),
  extends: z.array(z.string()).default([]),
  /** Nothing is written; what differs is told and stops nothing. */
  observe: z.boolean().default(false),
  /** Parameters that a user must give. */
  requires: z.array(z.enum(['isolated_cpus', 'housekeeping_cpus', 'node'])).default([]),
  /** Defaults of parameters. */
  with: parametersSchema.prefault({}),
  knobs: knobValues.prefault({}),
});
export type Profile = z.output<typeof profileSchema>;
