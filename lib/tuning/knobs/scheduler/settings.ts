import * as z from 'zod';
import { defineKnob, type Item } from '../../knob.js';
import { files, matching } from '../../reading.js';
import { cpuList, lacking, maskValue, sysctlPath, value, withoutIsolated } from '../common.js';

export const rtThrottling = defineKnob({
  name: 'rt-throttling',
  group: 'operating-system',
  summary: 'No limit on the time that real-time tasks may take: sched_rt_runtime_us = -1.',
  why: 'By default the kernel stops real-time tasks for 50 ms of each second. The period is left as it is: it takes no -1 (KVM4NFV tried), and is without meaning then.',
  costs: 'Gaps of 50 ms once a second in a busy-polling real-time task.',
  source: 'Documentation/scheduler/sched-rt-group.rst',
  mend: 'sysctl kernel.sched_rt_runtime_us=-1',
  weight: 'major',
  value: z.literal('off').meta({ description: 'Off: a runaway real-time task can take its CPU for good.' }),
  reads: () => files(sysctlPath('kernel.sched_rt_runtime_us')),
  items: () => [value(sysctlPath('kernel.sched_rt_runtime_us'), 'number', -1)],
});

export const watchdogs = defineKnob({
  name: 'watchdogs',
  group: 'operating-system',
  summary: 'Lockup watchdogs off, or on the housekeeping CPUs only.',
  why: 'The soft one wakes a FIFO 99 thread on every CPU every few seconds; the hard one takes a performance counter and raises NMIs.',
  costs: 'Several microseconds every four seconds, and an NMI that nothing can mask.',
  source: 'Documentation/admin-guide/lockup-watchdogs.rst',
  mend: 'sysctl kernel.watchdog=0 kernel.nmi_watchdog=0',
  value: z.enum(['off', 'housekeeping']),
  reads: () =>
    files(
      ...['watchdog', 'nmi_watchdog', 'soft_watchdog', 'watchdog_cpumask'].map((name) => sysctlPath(`kernel.${name}`)),
    ),
  items: ({ value: how, machine }) =>
    how === 'off'
      ? // While kernel.watchdog is 0 whoever reads one of the others makes a 0 of it, and 1 brings back none that is 0: it goes
        // last, and comes back first.
        ['kernel.soft_watchdog', 'kernel.nmi_watchdog', 'kernel.watchdog'].map((name) =>
          value(sysctlPath(name), 'number', 0, { needless: 'this kernel has no such watchdog' }),
        )
      : [value(sysctlPath('kernel.watchdog_cpumask'), 'cpu-list', cpuList(machine.housekeeping))],
});

export const timerMigration = defineKnob({
  name: 'timer-migration',
  group: 'operating-system',
  summary: 'Whether timers armed on an idle CPU may move to another one.',
  why: "With 0 a timer stays where it was armed, so that housekeeping's timers do not reach isolated CPUs (KVM4NFV, tuned). OpenShift sets 1, so that those of isolated CPUs leave them.",
  costs: 'A timer interrupt of somebody else: some microseconds.',
  source: 'Documentation/admin-guide/sysctl/kernel.rst (timer_migration)',
  mend: 'sysctl kernel.timer_migration=0',
  value: z.union([z.literal(0), z.literal(1)]),
  reads: () => files(sysctlPath('kernel.timer_migration')),
  items: ({ value: wanted }) => [value(sysctlPath('kernel.timer_migration'), 'number', wanted)],
});

const settings = [
  'min_granularity_ns',
  'wakeup_granularity_ns',
  'latency_ns',
  'base_slice_ns',
  'migration_cost_ns',
  'nr_migrate',
  'tunable_scaling',
] as const;
/** Before 5.13 they are sysctls, since then files of debugfs; EEVDF (6.6) has other ones. */
const homes = ['/proc/sys/kernel/sched_', '/sys/kernel/debug/sched/'];

export const schedulerSettings = defineKnob({
  name: 'scheduler',
  group: 'operating-system',
  summary: 'Settings of the fair scheduler, wherever this kernel keeps them (sysctl before 5.13, debugfs since).',
  why: 'They decide how long tasks on housekeeping CPUs run before others have a turn, and how eagerly tasks migrate.',
  costs: 'Late emulator and vhost threads on the housekeeping CPUs: hundreds of microseconds.',
  source: 'Documentation/scheduler/sched-eevdf.rst, sched-design-CFS.rst',
  mend: 'Write to /sys/kernel/debug/sched/<name>, or sysctl kernel.sched_<name> on old kernels.',
  value: z.partialRecord(z.enum(settings), z.int().min(0)),
  reads: () => files(...homes.flatMap((home) => settings.map((name) => home + name))),
  items: ({ value: wanted }, now) =>
    Object.entries(wanted).map(([name, amount]): Item => {
      const path = homes.map((home) => home + name).find((candidate) => now.files.has(candidate));
      return path === undefined
        ? lacking(name, 'this kernel has it neither as a sysctl nor in debugfs')
        : value(path, 'number', amount);
    }),
});

export const autogroup = defineKnob({
  name: 'sched-autogroup',
  group: 'operating-system',
  summary: 'Tasks of one session share no group of their own.',
  why: 'Groups by session make the share of a thread depend on which terminal it was started from.',
  costs: 'Unfair shares on housekeeping CPUs.',
  source: 'sched(7), the autogroup feature',
  mend: 'sysctl kernel.sched_autogroup_enabled=0',
  value: z.literal(0),
  reads: () => files(sysctlPath('kernel.sched_autogroup_enabled')),
  items: () => [
    value(sysctlPath('kernel.sched_autogroup_enabled'), 'number', 0, {
      needless: 'this kernel groups no tasks by session',
    }),
  ],
});

export const workqueues = defineKnob({
  name: 'workqueue-affinity',
  group: 'operating-system',
  summary: 'Unbound workqueues, writeback among them, run on housekeeping CPUs.',
  why: 'Deferred kernel work (disk writeback above all) otherwise runs on any CPU.',
  costs: 'A worker thread for tens to hundreds of microseconds.',
  source: 'Documentation/core-api/workqueue.rst (affinity, /sys/devices/virtual/workqueue/cpumask)',
  mend: 'Write the housekeeping mask to /sys/devices/virtual/workqueue/cpumask and .../*/cpumask.',
  weight: 'major',
  value: z.literal('housekeeping'),
  reads: () => files('/sys/devices/virtual/workqueue/cpumask', '/sys/devices/virtual/workqueue/*/cpumask'),
  items: ({ machine }, now) =>
    machine.isolated.length === 0
      ? [withoutIsolated('workqueues')]
      : matching(now, /^\/sys\/devices\/virtual\/workqueue\/(?:([^/]+)\/)?cpumask$/).map(({ path, groups }) =>
          maskValue(path, machine.housekeeping, (groups as (string | undefined)[])[0] ?? 'all unbound'),
        ),
});
