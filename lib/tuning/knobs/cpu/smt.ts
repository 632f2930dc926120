import * as z from 'zod';
import { intersectCpus, invertCpus } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, type Snapshot } from '../../reading.js';
import { needless, value, withoutIsolated } from '../common.js';
import { interruptsWithin } from '../interrupts/affinity.js';

const control = '/sys/devices/system/cpu/smt/control';

/** Of each core all threads but the first. */
const secondThreads = ({ online, siblings }: Machine): readonly number[] =>
  online.filter((cpu) => (siblings.get(cpu) ?? []).some((other) => other < cpu && online.includes(other)));

/** Of two isolated CPUs of one core, the one with the lower number stays. */
const siblingsOf = ({ isolated, siblings }: Machine): readonly number[] => [
  ...new Set(
    isolated.flatMap((cpu) =>
      (siblings.get(cpu) ?? []).filter((other) => other !== cpu && (!isolated.includes(other) || other > cpu)),
    ),
  ),
];

/** The kernel gives an interrupt that is left without a CPU to all of them, and so forgets where it was: it is moved before. */
const saved = (leaving: readonly number[], { online, housekeeping }: Machine, now: Snapshot): Item[] => {
  const going = intersectCpus(leaving, online);
  const staying = intersectCpus(housekeeping, invertCpus(going, online));
  return interruptsWithin(going, staying.length === 0 ? invertCpus(going, online) : staying, now);
};

export const smt = defineKnob({
  name: 'smt',
  group: 'platform',
  summary: 'Simultaneous multithreading off for the whole machine, or the siblings of the isolated CPUs offline.',
  why: 'Two threads of a core share its execution units and L1/L2 caches: whatever runs on the sibling takes them away.',
  costs: 'A busy sibling slows code down by up to a half, and every exit of a neighbour VM shows as jitter.',
  source: 'Documentation/ABI/testing/sysfs-devices-system-cpu (smt/control)',
  mend: 'Switch Hyper-Threading off in the firmware, boot with nosmt, or write off to /sys/devices/system/cpu/smt/control.',
  weight: 'major',
  value: z.enum(['off', 'siblings-offline']),
  reads: () => files(control, '/sys/devices/system/cpu/cpu[0-9]*/online', '/proc/irq/[0-9]*/smp_affinity_list'),
  items: ({ value: how, machine }, now) => {
    const state = now.files.get(control)?.trim();
    if (how === 'off') {
      if (state === undefined || state === 'notsupported' || state === 'notimplemented')
        return [needless('control', 'one thread a core, as the kernel sees it')];
      return [
        ...saved(secondThreads(machine), machine, now),
        {
          kind: 'value',
          path: control,
          aspect: 'text',
          want: 'off',
          accept: (shown) => shown === 'forceoff',
          label: 'control',
          phase: 0,
        },
      ];
    }
    if (machine.isolated.length === 0) return [withoutIsolated('siblings')];
    const siblings = siblingsOf(machine);
    if (siblings.length === 0) return [needless('siblings', 'no isolated CPU shares its core with another one')];
    return [
      ...saved(siblings, machine, now),
      ...siblings.map((cpu) =>
        value(`/sys/devices/system/cpu/cpu${String(cpu)}/online`, 'flag', 0, { label: `CPU ${String(cpu)}`, phase: 0 }),
      ),
    ];
  },
});
