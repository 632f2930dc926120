import * as z from 'zod';
import { moduleEffect, parameterShowing } from '../../boot/effects.js';
import { defineKnob, type Effect, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, line, type Snapshot } from '../../reading.js';
import { lacking, parameter, perCpu, value } from '../common.js';

interface IdleState {
  readonly cpu: number;
  readonly state: string;
  readonly name: string;
  readonly latency: number;
  readonly directory: string;
}

const statesOf = (now: Snapshot, machine: Machine): IdleState[] =>
  perCpu(now, /^\/sys\/devices\/system\/cpu\/cpu(\d+)\/cpuidle\/(state\d+)\/latency$/, machine).map(
    ({ path, text, cpu, groups: [state = ''] }) => {
      const directory = path.slice(0, path.lastIndexOf('/'));
      return { cpu, state, name: line(now, `${directory}/name`) ?? state, latency: Number(text), directory };
    },
  );

/** `C1_ACPI` of the ACPI driver is C1, and `C1` the shallowest state that sleeps where the driver has other names (WFI of arm64). */
const namedState = (states: readonly IdleState[], name: string): IdleState | undefined =>
  states.find((state) => state.name.replace(/_ACPI$/, '') === name) ??
  (name === 'C1' ? states.filter(({ latency }) => latency > 0).sort((a, b) => a.latency - b.latency)[0] : undefined);

const label = ({ cpu, state, name, latency }: IdleState): string =>
  `CPU ${String(cpu)} ${name === state ? state : `${name} (${state})`}, ${String(latency)} us`;

const deepest = (states: readonly IdleState[]): IdleState | undefined =>
  [...states].sort((a, b) => b.latency - a.latency)[0];

const limitsOf = (states: readonly IdleState[], limit: number | string): Item[] => {
  const bound = typeof limit === 'number' ? limit : namedState(states, limit)?.latency;
  if (bound === undefined)
    return [
      lacking(
        `CPU ${String(states[0]?.cpu ?? '')}`,
        `no idle state ${String(limit)}: it has ${states.map(({ name, latency }) => `${name} ${String(latency)} us`).join(', ')}`,
        'differs',
      ),
    ];
  const deep = states.filter(({ latency }) => latency > bound);
  if (deep.length > 0)
    return deep.map((state) => value(`${state.directory}/disable`, 'flag', 1, { label: label(state) }));
  const last = deepest(states);
  return last === undefined
    ? []
    : [
        {
          kind: 'check',
          label: `deepest: ${label(last)}`,
          place: { kind: 'file', path: `${last.directory}/latency` },
          aspect: 'number',
          want: String(bound),
          accept: (latency) => Number(latency) <= bound,
        },
      ];
};

export const idleStates = defineKnob({
  name: 'c-states',
  group: 'platform',
  summary:
    'Disables idle states deeper than a named one, or than an exit latency in microseconds, on the isolated CPUs.',
  why: 'A CPU in a deep C-state answers an interrupt only after it has woken up, and its caches may have been flushed. The same name costs other times on other processors (C1 is 1 us on some, 2 us on others), and the same number is another state.',
  costs: 'Tens to hundreds of microseconds on the first interrupt after idle: the exit latency of the deepest state.',
  source: 'Documentation/admin-guide/pm/cpuidle.rst',
  mend: 'Disable C-states in the firmware, or write 1 to /sys/devices/system/cpu/cpuN/cpuidle/stateM/disable.',
  weight: 'major',
  value: z
    .union([z.int().min(0).max(100_000), z.string().regex(/^[A-Z][A-Za-z0-9_-]*$/, 'expected C1, or microseconds')])
    .meta({
      description:
        'Deepest state allowed by its name (`C1`, which tuned calls cstate.id:1), or the longest exit latency allowed in microseconds; 0 leaves polling only.',
    }),
  reads: () =>
    files(...['latency', 'name', 'disable'].map((file) => `/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/${file}`)),
  items: ({ value: limit, machine }, now) => {
    const states = statesOf(now, machine);
    return [...new Set(states.map(({ cpu }) => cpu))].flatMap((cpu) =>
      limitsOf(
        states.filter((state) => state.cpu === cpu),
        limit,
      ),
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

const idleDriver = '/sys/devices/system/cpu/cpuidle/current_driver';
const maximums = ['intel_idle', 'processor'].map((module) => `/sys/module/${module}/parameters/max_cstate`);

/** With idle=poll no driver of idle states is loaded; without one nothing shows whether it polls. */
const pollEffect = (now: Snapshot, given: string): Effect | undefined => {
  const driver = line(now, idleDriver) ?? 'none';
  return driver === 'none'
    ? undefined
    : { effective: false, text: driver, reason: `${given} is given, but ${idleDriver} shows ${driver}` };
};

const idleParameters = (how: 'poll' | 'shallow', { architecture, vendor }: Machine, now: Snapshot): Item[] => {
  // nohlt polls below the driver, which stays.
  if (how === 'poll')
    return [architecture === 'x86' ? parameterShowing('idle=poll', pollEffect(now, 'idle=poll')) : parameter('nohlt')];
  return architecture === 'x86'
    ? [...(vendor === 'intel' ? ['intel_idle.max_cstate=0'] : []), 'processor.max_cstate=1'].map((given) =>
        parameterShowing(given, moduleEffect(now, given)),
      )
    : [lacking('idle loop', 'processor.max_cstate= is for x86; c-states limits idle states here', 'unsupported')];
};

export const idleLoop = defineKnob({
  name: 'idle-loop',
  group: 'platform',
  summary: 'How idle CPUs wait: polling, or C1 at most, from boot on.',
  why: "Polling never sleeps, so that waking takes no time; it costs full power and, with SMT, the sibling's speed. C1 is the milder choice.",
  costs: 'As for c-states; with SMT on, polling siblings can slow the measured thread down instead.',
  source:
    'Documentation/admin-guide/kernel-parameters.txt: idle=, nohlt, processor.max_cstate=, intel_idle.max_cstate=',
  mend: 'Boot with idle=poll, or processor.max_cstate=1 intel_idle.max_cstate=0.',
  needsReboot: true,
  value: z.enum(['poll', 'shallow']),
  reads: () => files(idleDriver, ...maximums),
  items: ({ value: how, machine }, now) => idleParameters(how, machine, now),
});
