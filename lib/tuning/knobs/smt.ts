import * as z from 'zod';
import { defineKnob } from '../knob.js';
import { files } from '../reading.js';
import { value, withoutIsolated } from './common.js';

const control = '/sys/devices/system/cpu/smt/control';

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
  reads: () => files(control, '/sys/devices/system/cpu/cpu[0-9]*/online'),
  items: ({ value: how, machine }, now) => {
    const state = now.files.get(control)?.trim();
    if (how === 'off') {
      if (state === undefined || state === 'notsupported' || state === 'notimplemented') return [];
      return [
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
    const seen = new Set(machine.isolated);
    // Of two isolated CPUs of one core, the one with the lower number stays.
    const siblings = machine.isolated.flatMap((cpu) =>
      (machine.siblings.get(cpu) ?? []).filter((other) => other !== cpu && (!seen.has(other) || other > cpu)),
    );
    return [...new Set(siblings)].map((cpu) =>
      value(`/sys/devices/system/cpu/cpu${String(cpu)}/online`, 'flag', 0, { label: `CPU ${String(cpu)}`, phase: 0 }),
    );
  },
});
