import * as z from 'zod';
import { bytes, cpus, text, toggle } from './fields.js';

const policy = z.enum(['require', 'force', 'optional', 'disable', 'forbid']);

export const cpuSpec = z.strictObject({
  vcpus: z.int().min(1).max(1024),
  topology: z
    .strictObject({
      sockets: z.int().min(1),
      dies: z.int().min(1).default(1),
      cores: z.int().min(1),
      threads: z.int().min(1),
    })
    .optional(),
  /** Default: `host-passthrough` with KVM, `maximum` with TCG. */
  mode: z.enum(['host-passthrough', 'host-model', 'maximum', 'custom']).optional(),
  /** Model for mode `custom`, such as `EPYC-Milan`. */
  model: text.optional(),
  features: z.record(z.string().regex(/^[\w.-]+$/), policy).default({}),
  cachePassthrough: toggle.default(false),
  /** Performance monitoring unit. */
  pmu: toggle.default(false),
  /** KVM's hints to the guest: only with KVM. */
  hintDedicated: toggle.default(false),
  pollControl: toggle.default(false),
  /** NUMA nodes of the guest; together they have all its vCPUs and memory. */
  cells: z
    .array(
      z.strictObject({
        cpus,
        memory: bytes,
        distances: z.record(z.string().regex(/^\d+$/), z.int().min(10).max(255)).optional(),
      }),
    )
    .readonly()
    .default([]),
});

export const memorySpec = z.strictObject({
  size: bytes,
  /** Size of the pages that back it, such as 2 MiB or 1 GiB. */
  hugepages: bytes.optional(),
  locked: toggle.default(false),
  /** false: kept out of KSM. */
  sharePages: toggle.default(false),
  /** Mapped shared: what vhost-user needs. */
  shared: toggle.default(false),
  source: z.enum(['memfd', 'anonymous', 'file']).optional(),
  allocation: z.enum(['immediate', 'ondemand']).optional(),
  /** NUMA nodes of the host that it comes from. */
  numa: z
    .strictObject({ mode: z.enum(['strict', 'preferred', 'interleave', 'restrictive']).default('strict'), nodes: cpus })
    .optional(),
});

const scheduler = z.strictObject({
  policy: z.enum(['fifo', 'rr', 'batch', 'idle']),
  priority: z.int().min(1).max(99).optional(),
});
const pin = z.strictObject({ id: z.int().min(0), cpus });

/** A part of a cache for some vCPUs. */
export const cacheAllocation = z.strictObject({
  vcpus: cpus,
  level: z.int().min(2).max(3).default(3),
  id: z.int().min(0),
  type: z.enum(['both', 'code', 'data']).default('both'),
  size: bytes,
});

export const tuneSpec = z.strictObject({
  vcpuPins: z.array(pin).readonly().default([]),
  vcpuSchedulers: z
    .array(scheduler.extend({ vcpus: cpus }))
    .readonly()
    .default([]),
  emulatorPin: cpus.optional(),
  emulatorScheduler: scheduler.optional(),
  /** How many IOThreads; they are numbered from 1. */
  iothreads: z.int().min(0).default(0),
  iothreadPins: z.array(pin).readonly().default([]),
  iothreadSchedulers: z
    .array(scheduler.extend({ iothreads: cpus }))
    .readonly()
    .default([]),
  /** Parts of the last-level cache for vCPUs alone (CAT). */
  cacheAllocations: z.array(cacheAllocation).readonly().default([]),
});

const timer = z.strictObject({
  name: z.enum(['kvmclock', 'hypervclock', 'tsc', 'hpet', 'pit', 'rtc', 'platform']),
  present: toggle.optional(),
  tickPolicy: z.enum(['delay', 'catchup', 'merge', 'discard']).optional(),
  track: z.enum(['boot', 'guest', 'wall', 'realtime']).optional(),
  mode: z.enum(['auto', 'native', 'emulate', 'paravirt', 'smpsafe']).optional(),
  frequency: z.int().positive().optional(),
});

export const clockSpec = z.strictObject({
  offset: z.enum(['utc', 'localtime']).default('utc'),
  /** Default: no HPET; with KVM, the PIT's missed ticks are delayed and the RTC's caught up. */
  timers: z.array(timer).readonly().optional(),
});

export type CpuSpec = z.output<typeof cpuSpec>;
export type MemorySpec = z.output<typeof memorySpec>;
export type TuneSpec = z.output<typeof tuneSpec>;
export type ClockSpec = z.output<typeof clockSpec>;
