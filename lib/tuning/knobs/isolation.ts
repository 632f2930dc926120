import * as z from 'zod';
import { parseCpuList } from '../../host/cpu-list.js';
import { canonical } from '../aspect.js';
import { defineKnob, type Item } from '../knob.js';
import type { Machine } from '../machine.js';
import { files, matching, type Snapshot } from '../reading.js';
import {
  affinityEffect,
  affinityRequests,
  isolationEffect,
  isolationRequests,
  nohzEffect,
  nohzFullEffect,
  nohzRequests,
  offloadEffect,
  offloadRequests,
  parameterShowing,
} from '../boot/effects.js';
import { cpuList, lacking, parameter, value, withoutIsolated } from './common.js';

const shows = (path: string, want: string): Item => ({
  kind: 'check',
  place: { kind: 'file', path },
  aspect: 'cpu-list',
  want,
  label: path.slice(path.lastIndexOf('/') + 1),
});

export const isolcpus = defineKnob({
  name: 'isolcpus',
  group: 'operating-system',
  summary:
    "Takes the isolated CPUs out of the scheduler's load balancing, and managed interrupts off them, from boot on.",
  why: 'No task comes to these CPUs unless it is pinned there; interrupts that the kernel manages itself can only be kept away like this.',
  costs:
    'A migrated task takes a time slice of milliseconds; a managed interrupt of a disk or NIC some microseconds each.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: isolcpus=',
  mend: 'Boot with isolcpus=managed_irq,domain,<cpus>.',
  needsReboot: true,
  weight: 'major',
  value: z
    .array(z.enum(['domain', 'managed_irq', 'nohz']))
    .min(1)
    .meta({ description: 'Flags of isolcpus=.' }),
  reads: () => isolationRequests,
  items: ({ value: flags, machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('isolcpus')];
    const cpus = cpuList(machine.isolated);
    return [
      parameterShowing(`isolcpus=${flags.join(',')},${cpus}`, isolationEffect(now, machine, flags, cpus)),
      ...(flags.includes('domain') ? [shows('/sys/devices/system/cpu/isolated', cpus)] : []),
    ];
  },
});

export const nohzFull = defineKnob({
  name: 'nohz-full',
  group: 'operating-system',
  summary: 'No scheduler tick on isolated CPUs while a single task runs there.',
  why: 'The tick interrupts the running task HZ times a second for accounting that a pinned real-time task does not need.',
  costs: 'One to several microseconds, 100 to 1000 times a second.',
  source: 'Documentation/timers/no_hz.rst',
  mend: 'Boot with nohz=on nohz_full=<cpus>; the kernel needs CONFIG_NO_HZ_FULL.',
  needsReboot: true,
  weight: 'major',
  value: z.literal('isolated'),
  reads: () => nohzRequests,
  items: ({ machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('nohz_full')];
    if (!now.files.has('/sys/devices/system/cpu/nohz_full'))
      return [lacking('nohz_full', 'the kernel is built without CONFIG_NO_HZ_FULL')];
    const cpus = cpuList(machine.isolated);
    return [
      parameterShowing('nohz=on', nohzEffect(machine)),
      parameterShowing(`nohz_full=${cpus}`, nohzFullEffect(now, cpus)),
      shows('/sys/devices/system/cpu/nohz_full', cpus),
    ];
  },
});

export const rcuCallbacks = defineKnob({
  name: 'rcu-nocbs',
  group: 'operating-system',
  summary: 'RCU callbacks of the isolated CPUs run in threads that the housekeeping CPUs can take.',
  why: 'Otherwise each CPU frees, in softirq context, whatever was queued on it, in batches whose length nobody bounds.',
  costs: 'Bursts of tens to hundreds of microseconds.',
  source: 'Documentation/RCU/ and kernel-parameters.txt: rcu_nocbs=, rcu_nocb_poll',
  mend: 'Boot with rcu_nocbs=<cpus>, with rcu_nocb_poll where the wake-up of the threads is to be spared as well.',
  needsReboot: true,
  weight: 'major',
  value: z
    .enum(['isolated', 'poll'])
    .meta({ description: '`poll`: the threads look for callbacks by themselves (rcu_nocb_poll).' }),
  reads: () => offloadRequests,
  items: ({ value: how, machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('rcu_nocbs')];
    const { isolated } = machine;
    return [
      parameterShowing(`rcu_nocbs=${cpuList(isolated)}`, offloadEffect(now, isolated)),
      ...(how === 'poll' ? [parameter('rcu_nocb_poll')] : []),
    ];
  },
});

export const bootIrqAffinity = defineKnob({
  name: 'irqaffinity',
  group: 'operating-system',
  summary: 'Interrupts go to housekeeping CPUs from boot on.',
  why: 'Interrupts that are set up later (a NIC brought up, a VF bound) start where the default mask says.',
  costs: 'Some microseconds for each interrupt that starts on an isolated CPU.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: irqaffinity=',
  mend: 'Boot with irqaffinity=<housekeeping cpus>.',
  needsReboot: true,
  value: z.literal('housekeeping'),
  reads: () => affinityRequests,
  items: ({ machine: { isolated, housekeeping } }, now) => [
    isolated.length === 0
      ? withoutIsolated('irqaffinity')
      : parameterShowing(`irqaffinity=${cpuList(housekeeping)}`, affinityEffect(now, housekeeping)),
  ],
});

const root = '/sys/fs/cgroup';
const group = `${root}/kvm4nfv`;
const control = (sign: '+' | '-'): string[] => [
  'sh',
  '-c',
  'echo "$1" > "$2"',
  'sh',
  `${sign}cpuset`,
  `${root}/cgroup.subtree_control`,
];

const noSetAffinity = 0x04000000;

/**
 * Kernel threads that are bound to some CPUs (kswapd and kcompactd of a node), as `PID=CPUS`. When a partition gives its
 * CPUs back the kernel forgets what they were bound to.
 */
const boundThreads = (now: Snapshot, { possible }: Machine): string[] =>
  matching(now, /^\/proc\/(\d+)\/stat$/).flatMap(({ text, groups: [pid = ''] }) => {
    const [, parent, , , , , flags] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const moves = parent === '2' && (Number(flags) & noSetAffinity) === 0 && !text.includes('(irq/');
    const bound = canonical('cpus-allowed', now.files.get(`/proc/${pid}/status`) ?? '');
    return moves && /^\d/.test(bound) && parseCpuList(bound).length < possible.length ? [`${pid}=${bound}`] : [];
  });

const writeScript =
  'echo "$2" > "$1" || exit; shift 2; for bound; do taskset -pc "${bound#*=}" "${bound%%=*}"; done; :';
const writePartition = (type: string, threads: readonly string[]): string[] => [
  'sh',
  '-c',
  writeScript,
  'kvm4nfv-partition',
  `${group}/cpuset.cpus.partition`,
  type,
  ...threads,
];

export const cpusetPartition = defineKnob({
  name: 'cpuset-partition',
  group: 'operating-system',
  summary: 'Isolates CPUs without a reboot: a cgroup v2 cpuset partition of type `isolated` named kvm4nfv.',
  why: 'Takes CPUs out of load balancing as isolcpus=domain does, and away from all other groups, at run time. What is to run there is put into the group.',
  costs: 'As for isolcpus.',
  source: 'Documentation/admin-guide/cgroup-v2.rst (cpuset.cpus.partition)',
  mend: 'Make a cgroup with cpuset.cpus=<cpus> and cpuset.cpus.partition=isolated.',
  value: z.enum(['isolated', 'root']),
  reads: () =>
    files(
      `${root}/cgroup.controllers`,
      `${root}/cgroup.subtree_control`,
      `${group}/cpuset.cpus`,
      `${group}/cpuset.cpus.partition`,
      '/proc/[0-9]*/stat',
      '/proc/[0-9]*/status',
    ),
  items: ({ value: type, machine }, now) => {
    const controllers = now.files.get(`${root}/cgroup.controllers`);
    if (controllers === undefined) return [lacking('cgroup v2', `${root} is no cgroup v2 hierarchy`)];
    if (!controllers.split(/\s+/).includes('cpuset'))
      return [lacking('cpuset', 'the cpuset controller is not available in the root group')];
    if (machine.isolated.length === 0) return [withoutIsolated('partition')];
    const subtree = (now.files.get(`${root}/cgroup.subtree_control`) ?? '').split(/\s+/);
    return [
      ...(subtree.includes('cpuset')
        ? []
        : [
            {
              kind: 'action',
              label: 'controller',
              phase: 0,
              place: { kind: 'file', path: `${root}/cgroup.subtree_control` },
              aspect: 'text',
              want: ['cpuset', ...subtree].join(' ').trim(),
              accept: (shown: string) => shown.split(/\s+/).includes('cpuset'),
              argv: control('+'),
              undo: () => control('-'),
            } as const,
          ]),
      { kind: 'directory', path: group, label: 'group', phase: 1 },
      value(`${group}/cpuset.cpus`, 'cpu-list', cpuList(machine.isolated)),
      {
        kind: 'action',
        label: 'partition',
        place: { kind: 'file', path: `${group}/cpuset.cpus.partition` },
        aspect: 'text',
        want: type,
        argv: writePartition(type, []),
        undo: (before) => writePartition(before, boundThreads(now, machine)),
      },
    ];
  },
});
