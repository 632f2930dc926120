import * as z from 'zod';
import { defineKnob, type KnobDefinition } from '../knob.js';
import {
  fileEffect,
  iommuGroups,
  iommuOnEffect,
  iommuRequests,
  moduleEffect,
  moduleRequests,
  parameterShowing,
  passThroughEffect,
  whyNoGroups,
} from '../boot/effects.js';
import type { Effect, Item } from '../knob.js';
import type { Machine } from '../machine.js';
import { files, matching, text, type Request, type Snapshot } from '../reading.js';
import { lacking, parameter, value } from './common.js';

const parameters = 'Documentation/admin-guide/kernel-parameters.txt';

/** A knob that is nothing but one kernel parameter. */
const bootKnob = <V extends string | number>(
  definition: Pick<KnobDefinition, 'name' | 'group' | 'summary' | 'why' | 'costs'> & {
    readonly value: z.ZodType<V>;
    readonly boot: (value: V) => readonly string[];
    readonly example: string;
    /** What shows it, where the kernel shows it anywhere. */
    readonly seen?: {
      readonly reads?: (parameter: string) => readonly Request[];
      readonly effect: (now: Snapshot, parameter: string, machine: Machine) => Effect | undefined;
    };
  },
): KnobDefinition<V> => {
  const { boot, example, seen, ...rest } = definition;
  return defineKnob<V>({
    ...rest,
    source: `${parameters}: ${example.split('=')[0] ?? example}`,
    mend: `Boot with ${example}.`,
    needsReboot: true,
    reads: (wanted) => boot(wanted).flatMap((given) => seen?.reads?.(given) ?? []),
    items: ({ value: wanted, machine }, now) =>
      boot(wanted).map((given) => parameterShowing(given, seen?.effect(now, given, machine))),
  });
};

export const mitigations = bootKnob({
  name: 'mitigations',
  group: 'operating-system',
  summary: 'Mitigations of CPU vulnerabilities.',
  why: 'They flush buffers and predictors at each entry to the kernel and each exit of a guest. Off is for machines where all code is trusted.',
  costs: 'Up to microseconds for each system call and guest exit.',
  value: z.enum(['off', 'auto', 'auto,nosmt']),
  boot: (how) => [`mitigations=${how}`],
  example: 'mitigations=off',
});

export const skewTick = bootKnob({
  name: 'skew-tick',
  group: 'operating-system',
  summary: 'Ticks of different CPUs are spread over the period.',
  why: 'Ticks at the same moment on all CPUs contend for the same locks.',
  costs: 'Microseconds of lock contention, growing with the number of CPUs.',
  value: z.literal(1),
  boot: () => ['skew_tick=1'],
  example: 'skew_tick=1',
});

const softWatchdog = '/proc/sys/kernel/soft_watchdog';

export const noSoftLockup = bootKnob({
  name: 'nosoftlockup',
  group: 'operating-system',
  summary: 'The soft lockup detector is off from boot on.',
  why: 'It reports real-time tasks that rightly never give their CPU away.',
  costs: 'As for watchdogs.',
  value: z.literal('set'),
  boot: () => ['nosoftlockup'],
  example: 'nosoftlockup',
  seen: {
    reads: () => files(softWatchdog),
    effect: (now, given) => fileEffect(now, softWatchdog, '0', given),
  },
});

export const audit = bootKnob({
  name: 'audit',
  group: 'operating-system',
  summary: 'The audit subsystem is off.',
  why: 'Auditing adds work to every system call and wakes kauditd.',
  costs: 'Up to a microsecond for each system call.',
  value: z.literal(0),
  boot: () => ['audit=0'],
  example: 'audit=0',
});

export const rcuBoost = bootKnob({
  name: 'rcu-kthread-priority',
  group: 'operating-system',
  summary: "SCHED_FIFO priority of RCU's own threads from boot on.",
  why: 'On a real-time kernel they must not be starved by the tasks that are measured.',
  costs: 'RCU stalls.',
  value: z.int().min(1).max(99),
  boot: (priority) => [`rcutree.kthread_prio=${String(priority)}`],
  example: 'rcutree.kthread_prio=11',
  seen: { reads: moduleRequests, effect: moduleEffect },
});

export const rcuNormal = bootKnob({
  name: 'rcu-normal-after-boot',
  group: 'operating-system',
  summary: 'No expedited RCU grace periods once the machine is up.',
  why: 'Expedited ones send an interrupt to every CPU, isolated ones included.',
  costs: 'An interrupt of microseconds at any moment.',
  value: z.literal(1),
  boot: () => ['rcupdate.rcu_normal_after_boot=1'],
  example: 'rcupdate.rcu_normal_after_boot=1',
  seen: { reads: moduleRequests, effect: moduleEffect },
});

export const threadedInterrupts = bootKnob({
  name: 'threadirqs',
  group: 'performance',
  summary: 'Interrupt handlers run in threads.',
  why: 'Threads have priorities, so that handlers of other devices can wait; the handler one waits for pays a context switch. PREEMPT_RT always does it.',
  costs: 'A context switch for each interrupt, or an unbounded foreign handler without it.',
  value: z.literal('set'),
  boot: () => ['threadirqs'],
  example: 'threadirqs',
  seen: {
    effect: (_, __, { kernel }) => (kernel.realtime ? { effective: true, text: 'PREEMPT_RT' } : undefined),
  },
});

const isArm = (now: Snapshot): boolean => /^CPU implementer/m.test(now.texts.get('/proc/cpuinfo') ?? '');

/** AMD's and Arm's IOMMUs are on by default and take no `on`. */
const onByDefault = (now: Snapshot, machine: Machine): Item[] => {
  const [group] = matching(now, iommuGroups);
  return group === undefined
    ? [lacking('IOMMU groups', whyNoGroups(machine), 'unsupported')]
    : [
        {
          kind: 'check',
          label: 'IOMMU groups',
          place: { kind: 'file', path: group.path },
          aspect: 'text',
          want: 'any type',
          accept: () => true,
        },
      ];
};

export const iommu = defineKnob({
  name: 'iommu',
  group: 'platform',
  summary: "The IOMMU is on, in pass-through mode for the host's own devices.",
  why: "Device assignment needs it; pass-through spares the host's drivers the mapping of each buffer.",
  costs: 'No VFs for guests; without pt up to a microsecond for each DMA mapping, and IOTLB flushes.',
  source: `${parameters}: intel_iommu=, amd_iommu=, iommu=`,
  mend: 'Enable VT-d or AMD-Vi in the firmware; boot with intel_iommu=on iommu=pt.',
  needsReboot: true,
  value: z.enum(['pt', 'on']),
  reads: () => [...iommuRequests, text('/proc/cpuinfo')],
  items: ({ value: how, machine }, now) => {
    const passThrough = isArm(now) ? 'iommu.passthrough=1' : 'iommu=pt';
    return [
      ...(machine.vendor === 'intel'
        ? [parameterShowing('intel_iommu=on', iommuOnEffect(now, machine, 'intel_iommu=on'))]
        : onByDefault(now, machine)),
      ...(how === 'pt' ? [parameterShowing(passThrough, passThroughEffect(now, machine, passThrough))] : []),
    ];
  },
});

/** With mce=off the kernel shows no machine check banks. */
const machineCheckEffect = (now: Snapshot): Effect | undefined => {
  const [bank] = matching(now, /\/machinecheck\d+\/ignore_ce$/);
  return bank === undefined
    ? undefined
    : { effective: false, text: 'machine checks', reason: `mce=off is given, but ${bank.path} is there` };
};

export const machineChecks = defineKnob({
  name: 'machine-checks',
  group: 'platform',
  summary: 'Corrected hardware errors are not polled for, or machine checks are off altogether.',
  why: 'A timer on every CPU reads the machine check banks every five minutes; `off` (KVM4NFV) also hides errors that are not corrected.',
  costs: 'Several microseconds every five minutes on each CPU.',
  source: 'Documentation/arch/x86/x86_64/machinecheck.rst; kernel-parameters.txt: mce=',
  mend: 'Write 1 to /sys/devices/system/machinecheck/machinecheck*/ignore_ce, or boot with mce=off.',
  value: z.enum(['ignore-corrected', 'off']),
  reads: () => files('/sys/devices/system/machinecheck/machinecheck[0-9]*/ignore_ce'),
  items: ({ value: how, machine }, now) =>
    how === 'off'
      ? [parameterShowing('mce=off', machineCheckEffect(now))].filter(() => machine.architecture === 'x86')
      : matching(now, /machinecheck(\d+)\/ignore_ce$/).map(({ path, groups }) =>
          value(path, 'flag', 1, { label: `CPU ${groups[0] ?? ''}` }),
        ),
});

const aspm = '/sys/module/pcie_aspm/parameters/policy';

export const pcieLinks = defineKnob({
  name: 'pcie-aspm',
  group: 'platform',
  summary: 'PCIe links stay awake.',
  why: "A link in L0s or L1 takes time to wake before a packet or an interrupt gets through. `performance` switches these states off; `off` leaves every link as the firmware has set it, asleep where that let it. (KVM4NFV's documents spelt the parameter pcie_asmp, which does nothing.)",
  costs: 'Up to tens of microseconds on the first transfer after idle.',
  source: `${parameters}: pcie_aspm=`,
  mend: 'Write performance to /sys/module/pcie_aspm/parameters/policy, or boot with pcie_aspm=off.',
  value: z.enum(['performance', 'off']),
  reads: () => files(aspm),
  items: ({ value: how }) =>
    how === 'off'
      ? [parameter('pcie_aspm=off')]
      : [
          {
            kind: 'value',
            path: aspm,
            aspect: 'choice',
            want: 'performance',
            label: 'policy',
            mayRefuse: { errors: ['EPERM'], reason: 'the kernel does not manage the links of this machine' },
          },
        ],
});

export const splitLocks = defineKnob({
  name: 'split-lock',
  group: 'operating-system',
  summary: 'Whether tasks that lock across cache lines are slowed down.',
  why: 'The mitigation puts the task (a vCPU among them) to sleep for 10 ms.',
  costs: '10 ms for each split lock of a guest.',
  source: 'Documentation/admin-guide/sysctl/kernel.rst (split_lock_mitigate)',
  mend: 'sysctl kernel.split_lock_mitigate=0',
  value: z.literal(0),
  reads: () => files('/proc/sys/kernel/split_lock_mitigate'),
  items: () => [
    value('/proc/sys/kernel/split_lock_mitigate', 'number', 0, { needless: 'nothing slows split locks down here' }),
  ],
});
