import * as z from 'zod';
import { defineKnob } from '../../knob.js';
import { files } from '../../reading.js';
import { parameter, perCpu, value } from '../common.js';

export const idleStates = defineKnob({
  name: 'c-states',
  group: 'platform',
  summary: 'Disables idle states whose exit latency is above a limit (in microseconds) on the isolated CPUs.',
  why: 'A CPU in a deep C-state answers an interrupt only after it has woken up, and its caches may have been flushed.',
  costs: 'Tens to hundreds of microseconds on the first interrupt after idle: the exit latency of the deepest state.',
  source: 'Documentation/admin-guide/pm/cpuidle.rst',
  mend: 'Disable C-states in the firmware, or write 1 to /sys/devices/system/cpu/cpuN/cpuidle/stateM/disable.',
  weight: 'major',
  value: z
    .int()
    .min(0)
    .max(100_000)
    .meta({ description: 'Longest exit latency allowed, microseconds. tuned uses 1; 0 leaves polling only.' }),
  reads: () =>
    files(
      '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/latency',
      '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/disable',
    ),
  items: ({ value: limit, machine }, now) => {
    const states = perCpu(now, /^\/sys\/devices\/system\/cpu\/cpu(\d+)\/cpuidle\/(state\d+)\/latency$/, machine);
    const deep = states.filter(({ text }) => Number(text) > limit);
    const deepest = states.reduce(
      (worst, state) => (Number(state.text) > Number(worst.text) ? state : worst),
      states[0] ?? { path: '', text: '0' },
    );
    if (deep.length === 0 && states.length > 0)
      return [
        {
          kind: 'check',
          label: 'deepest state',
          place: { kind: 'file', path: deepest.path },
          aspect: 'number',
          want: String(limit),
          accept: (latency) => Number(latency) <= limit,
        },
      ];
    return deep.map(({ path, cpu, groups }) =>
      value(path.replace(/latency$/, 'disable'), 'flag', 1, { label: `CPU ${String(cpu)} ${groups[0] ?? ''}` }),
    );
  },
});

export const wakeUpLatency = defineKnob({
  name: 'cpu-wakeup-latency',
  group: 'platform',
  summary: 'PM QoS: the isolated CPUs accept no wake-up latency at all.',
  why: 'The idle governor may choose only states whose exit latency it is allowed; unlike /dev/cpu_dma_latency this needs no process that holds a file open, and leaves other CPUs alone.',
  costs: 'As for c-states. cyclictest sets its own latency request while it runs and so hides what is wrong here.',
  source: 'Documentation/ABI/testing/sysfs-devices-power, pm_qos_resume_latency_us',
  mend: 'Write n/a to /sys/devices/system/cpu/cpuN/power/pm_qos_resume_latency_us.',
  value: z
    .union([z.literal('none'), z.int().min(1)])
    .meta({ description: '`none`, or the latency allowed in microseconds.' }),
  reads: () => files('/sys/devices/system/cpu/cpu[0-9]*/power/pm_qos_resume_latency_us'),
  items: ({ value: wanted, machine }, now) =>
    perCpu(now, /^\/sys\/devices\/system\/cpu\/cpu(\d+)\/power\/pm_qos_resume_latency_us$/, machine).map(
      ({ path, cpu }) =>
        // The kernel's words: `n/a` is no latency at all, 0 is no limit.
        value(path, 'text', wanted === 'none' ? 'n/a' : wanted, { label: `CPU ${String(cpu)}` }),
    ),
});

const idleParameters = {
  poll: () => ['idle=poll'],
  shallow: (vendor: string) => [...(vendor === 'intel' ? ['intel_idle.max_cstate=0'] : []), 'processor.max_cstate=1'],
} as const;

export const idleLoop = defineKnob({
  name: 'idle-loop',
  group: 'platform',
  summary: 'How idle CPUs wait: polling, or C1 at most, from boot on.',
  why: "Polling never sleeps, so that waking takes no time; it costs full power and, with SMT, the sibling's speed. C1 is the milder choice.",
  costs: 'As for c-states; with SMT on, polling siblings can slow the measured thread down instead.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: idle=, processor.max_cstate=, intel_idle.max_cstate=',
  mend: 'Boot with idle=poll, or processor.max_cstate=1 intel_idle.max_cstate=0.',
  needsReboot: true,
  value: z.enum(['poll', 'shallow']),
  reads: () => [],
  items: ({ value: how, machine }) => idleParameters[how](machine.vendor).map(parameter),
});
