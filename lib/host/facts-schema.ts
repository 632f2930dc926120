import * as z from 'zod';

const cpus = z.array(z.int().min(0)).meta({ description: 'CPU numbers, ascending.' });
const bytes = z.int().min(0).meta({ description: 'Bytes.' });
const nanoseconds = z.int().min(0).meta({ description: 'Nanoseconds.' });
const text = z.string();

const cpuSchema = z.object({
  id: z.int().min(0),
  node: z.int().min(0).optional(),
  package: z.int().optional(),
  core: z.int().optional(),
  siblings: cpus.optional().meta({ description: 'The threads of its core, itself included.' }),
  kind: text.optional().meta({ description: 'Where not all cores are alike: P core, E core, or its capacity.' }),
});

const idleStateSchema = z.object({
  name: text,
  description: text.optional(),
  latency: nanoseconds.optional().meta({ description: 'Time to leave the state, nanoseconds.' }),
  residency: nanoseconds.optional().meta({ description: 'Least time in the state that is worth it, nanoseconds.' }),
  disabled: cpus.meta({ description: 'Online CPUs on which the state is disabled.' }),
});

/** What a host is and how it is set up. What a kernel does not show is left out, never guessed. */
export const hostFactsSchema = z.object({
  hostname: text,
  machine: text.meta({ description: 'Architecture as uname tells it, such as x86_64.' }),
  cpu: z.object({
    model: text.optional(),
    vendor: text.optional(),
    family: z.int().optional(),
    modelNumber: z.int().optional(),
    stepping: z.int().optional(),
    microcode: text.optional(),
  }),
  topology: z.object({
    online: cpus,
    offline: cpus,
    present: cpus,
    cpus: z.array(cpuSchema),
    smt: z.enum(['on', 'off', 'forceoff', 'notsupported', 'notimplemented']).optional(),
    nodes: z.array(z.object({ id: z.int().min(0), cpus, memory: bytes.optional() })),
  }),
  kernel: z.object({
    release: text,
    version: text,
    cmdline: text,
    bootId: text.optional(),
    realtime: z.boolean().meta({ description: 'A PREEMPT_RT kernel.' }),
    preemption: text.optional().meta({ description: 'Preemption model: rt, dynamic, full, lazy, voluntary, none.' }),
    isolated: cpus.optional().meta({ description: 'CPUs without scheduler load balancing (isolcpus=domain).' }),
    nohzFull: cpus.optional(),
  }),
  clocksource: z.object({ current: text, available: z.array(text) }).optional(),
  cpufreq: z
    .object({ driver: text.optional(), governors: z.record(text, cpus) })
    .optional()
    .meta({ description: 'Governors and the CPUs that use each.' }),
  cpuidle: z
    .object({ driver: text.optional(), governor: text.optional(), states: z.array(idleStateSchema) })
    .optional(),
  hugepages: z.array(
    z.object({ node: z.int().min(0).optional(), size: bytes, total: z.int().min(0), free: z.int().min(0).optional() }),
  ),
  transparentHugepages: z.object({ enabled: text, defrag: text.optional() }).optional(),
  virtualisation: z.object({
    type: text.meta({
      description:
        'none, kvm, qemu (TCG), amazon, google, vmware, microsoft, xen, ...; unknown where only the CPU says that there is a hypervisor.',
    }),
    kvm: z.boolean().meta({ description: '/dev/kvm is there.' }),
  }),
  dmi: z
    .object({
      vendor: text.optional(),
      product: text.optional(),
      biosVendor: text.optional(),
      biosVersion: text.optional(),
      biosDate: text.optional(),
    })
    .optional(),
  mitigations: z.record(text, text).meta({ description: 'Vulnerability and what the kernel says of it.' }),
  memory: bytes.optional(),
  user: z.object({
    uid: z.int().min(0),
    name: text.optional(),
    root: z.boolean(),
    sudo: z.literal(true).meta({ description: 'Not root, and may run all as root without a password.' }).optional(),
  }),
});

type Frozen<T> = T extends readonly (infer E)[]
  ? readonly Frozen<E>[]
  : T extends object
    ? { readonly [K in keyof T]: Frozen<T[K]> }
    : T;

export type HostFacts = Frozen<z.output<typeof hostFactsSchema>>;
