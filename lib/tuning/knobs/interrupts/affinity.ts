import * as z from 'zod';
import { formatCpuMask, intersectCpus, parseCpuList, resolveCpus } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, matching, text, type Snapshot } from '../../reading.js';
import { cpuList, withoutIsolated } from '../common.js';

const refusal =
  'interrupts of one CPU, and those that the kernel manages, cannot be moved (isolcpus=managed_irq keeps the latter away)';

/** Number and description of each interrupt of /proc/interrupts. */
export const parseInterrupts = (content: string): ReadonlyMap<number, string> => {
  const [head = '', ...rows] = content.split('\n');
  const cpus = head.trim().split(/\s+/).length;
  return new Map(
    rows.flatMap((row): [number, string][] => {
      const match = /^\s*(\d+):\s*(.*)$/.exec(row);
      return match === null ? [] : [[Number(match[1]), (match[2] ?? '').split(/\s+/).slice(cpus).join(' ')]];
    }),
  );
};

const within =
  (cpus: readonly number[]) =>
  (shown: string): boolean => {
    const own = parseCpuList(shown);
    return own.length > 0 && intersectCpus(own, cpus).length === own.length;
  };

/** Interrupts that have no CPU but some of these, to be moved to others before these go. */
export const interruptsWithin = (leaving: readonly number[], staying: readonly number[], now: Snapshot): Item[] =>
  matching(now, /^\/proc\/irq\/(\d+)\/smp_affinity_list$/).flatMap(
    ({ path, text: shown, groups: [number = ''] }): Item[] =>
      within(leaving)(shown)
        ? [
            {
              kind: 'value',
              path,
              aspect: 'cpu-list',
              want: cpuList(staying),
              label: `IRQ ${number}`,
              phase: 0,
              mayRefuse: refusal,
            },
          ]
        : [],
  );

const device = z.strictObject({
  match: z
    .string()
    .min(1)
    .meta({ description: "Text in the interrupt's line of /proc/interrupts, such as `vfio-msix` or `ens1f0`." }),
  cpus: z.string().meta({ description: '`isolated`, `housekeeping` or a CPU list.' }),
});

const cpusFor = (selection: string, machine: Machine): readonly number[] => {
  if (selection === 'isolated') return machine.isolated;
  return selection === 'housekeeping' ? machine.housekeeping : resolveCpus(selection, machine);
};

const effective = (now: Snapshot, number: string, cpus: readonly number[]): Item[] => {
  const path = `/proc/irq/${number}/effective_affinity_list`;
  const shown = now.files.get(path)?.trim();
  // Behind an I/O APIC an interrupt moves only when it next fires: what it shows until then is no disturbance yet.
  return shown === undefined || shown === '' || within(cpus)(shown)
    ? []
    : [
        {
          kind: 'lacking',
          label: `IRQ ${number}`,
          state: 'unsupported',
          reason: `still at CPU ${shown}; moves when it next fires`,
        },
      ];
};

export const irqAffinity = defineKnob({
  name: 'irq-affinity',
  group: 'operating-system',
  summary:
    'Every interrupt that can be moved goes to the housekeeping CPUs, whatever its mask was; chosen devices to CPUs of their own.',
  why: 'An interrupt takes the CPU from whatever runs there, real-time task or vCPU.',
  costs: 'Some microseconds for each interrupt and its softirq, tens for a busy NIC or disk.',
  source: 'Documentation/core-api/irq/irq-affinity.rst',
  mend: 'Stop irqbalance and write the housekeeping CPUs to /proc/irq/*/smp_affinity_list and the mask to default_smp_affinity.',
  weight: 'major',
  value: z.union([
    z.literal('housekeeping').transform(() => ({ devices: [] as z.output<typeof device>[] })),
    z.strictObject({ devices: z.array(device).default([]) }),
  ]),
  reads: () => [
    ...files(
      '/proc/irq/[0-9]*/smp_affinity_list',
      '/proc/irq/[0-9]*/effective_affinity_list',
      '/proc/irq/default_smp_affinity',
    ),
    text('/proc/interrupts'),
  ],
  items: ({ value: { devices }, machine }, now) => {
    if (machine.isolated.length === 0 && devices.length === 0) return [withoutIsolated('interrupts')];
    const names = parseInterrupts(now.texts.get('/proc/interrupts') ?? '');
    const all = matching(now, /^\/proc\/irq\/(\d+)\/smp_affinity_list$/).sort(
      (a, b) => Number(a.groups[0]) - Number(b.groups[0]),
    );
    const moved = all.flatMap(({ path, groups: [number = ''] }): Item[] => {
      const own = devices.find(({ match }) => names.get(Number(number))?.includes(match));
      const cpus = own === undefined ? machine.housekeeping : cpusFor(own.cpus, machine);
      const shown = parseCpuList(now.files.get(path) ?? '');
      return [
        {
          kind: 'value',
          path,
          aspect: 'cpu-list',
          want: cpuList(cpus),
          accept: within(cpus),
          label: `IRQ ${number}`,
          mayRefuse: refusal,
        },
        ...(within(cpus)(cpuList(shown)) ? effective(now, number, cpus) : []),
      ];
    });
    const fallback: Item = {
      kind: 'value',
      path: '/proc/irq/default_smp_affinity',
      aspect: 'cpu-mask',
      want: formatCpuMask(machine.housekeeping),
      label: 'default',
    };
    return [...moved, fallback];
  },
});
