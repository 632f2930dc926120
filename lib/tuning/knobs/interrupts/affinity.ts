import * as z from 'zod';
import { formatCpuMask, parseCpuList, resolveCpus } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, matching, text, type Snapshot } from '../../reading.js';
import { cpuList, withoutIsolated } from '../common.js';

/** EIO until 6.10, EPERM since. */
const immovable = {
  errors: ['EIO', 'EPERM'],
  reason:
    'interrupts of one CPU, and those that the kernel manages, cannot be moved (isolcpus=managed_irq keeps the latter away)',
} as const;

/** Number and description of each interrupt of /proc/interrupts. */
export const parseInterrupts = (content: string): ReadonlyMap<number, string> => {
  const rows = content.split('\n').slice(1);
  return new Map(
    rows.flatMap((row): [number, string][] => {
      // A count for each CPU, and there may be hundreds of them; the name of no chip begins with a digit.
      const match = /^ *(\d+):[ \d]* (\D.*)$/.exec(row);
      return match === null ? [] : [[Number(match[1]), (match[2] ?? '').trim().replaceAll(/\s+/g, ' ')]];
    }),
  );
};

/** Whether a list of CPUs is within these, and not empty. Of thousands of interrupts each distinct list is looked at once. */
const within = (cpus: readonly number[]): ((shown: string) => boolean) => {
  const all = new Set(cpus);
  const known = new Map<string, boolean>();
  return (shown) => {
    const own = known.get(shown) ?? (shown.trim() !== '' && parseCpuList(shown).every((cpu) => all.has(cpu)));
    known.set(shown, own);
    return own;
  };
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
              mayRefuse: immovable,
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

/** `ens1f0` is in `ens1f0-TxRx-3` and not in `ens1f01-TxRx-3`. */
export const namedIn = (match: string): ((description: string) => boolean) => {
  const digit = (character: string | undefined): boolean => /^\d$/.test(character ?? '');
  return (description) => {
    for (let at = description.indexOf(match); at >= 0; at = description.indexOf(match, at + 1)) {
      const [before, after] = [description[at - 1], description[at + match.length]];
      if (!(digit(match[0]) && digit(before)) && !(digit(match.at(-1)) && digit(after))) return true;
    }
    return false;
  };
};

/** Interrupts of devices that guests have, which come with the guest. */
const ofGuests = ['vfio-intx', 'vfio-msi', 'vfio-msix'];
/** A name that no interrupt has: one that comes later, or a slip of the pen. */
export const matchesNothing = (match: string, what: string): Item =>
  ofGuests.some((name) => name.startsWith(match) || match.startsWith(name))
    ? { kind: 'lacking', label: match, state: 'unsupported', reason: `no ${what} has this name yet`, excused: true }
    : { kind: 'lacking', label: match, state: 'differs', reason: `no ${what} has this name` };

interface Target {
  readonly want: string;
  readonly accept: (shown: string) => boolean;
}
const targetOf = (cpus: readonly number[]): Target => ({ want: cpuList(cpus), accept: within(cpus) });

const itemsOfInterrupt = (now: Snapshot, path: string, number: string, { want, accept }: Target): Item[] => {
  const label = `IRQ ${number}`;
  const effective = now.files.get(`/proc/irq/${number}/effective_affinity_list`)?.trim() ?? '';
  // Behind an I/O APIC an interrupt moves only when it next fires: what it shows until then is no disturbance yet.
  const late: Item[] =
    effective === '' || accept(effective) || !accept(now.files.get(path)?.trim() ?? '')
      ? []
      : [{ kind: 'lacking', label, state: 'unsupported', reason: `still at CPU ${effective}; moves when it next fires`, excused: true }]; // prettier-ignore
  return [
    {
      kind: 'value',
      path,
      aspect: 'cpu-list',
      want,
      accept,
      label,
      mayRefuse: immovable,
      // The mask of an interrupt that the kernel manages names all CPUs of its queue; the kernel gives it one of housekeeping.
      ...(accept(effective) ? { settled: `in effect at CPU ${effective}` } : {}),
    },
    ...late,
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
  reads: ({ devices }) => [
    ...files(
      '/proc/irq/[0-9]*/smp_affinity_list',
      '/proc/irq/[0-9]*/effective_affinity_list',
      '/proc/irq/default_smp_affinity',
    ),
    // 14 MB on a machine of 512 CPUs: only where names are asked for.
    ...(devices.length > 0 ? [text('/proc/interrupts')] : []),
  ],
  items: ({ value: { devices }, machine }, now) => {
    if (machine.isolated.length === 0 && devices.every(({ cpus }) => cpus === 'isolated'))
      return [withoutIsolated('interrupts')];
    const names = parseInterrupts(now.texts.get('/proc/interrupts') ?? '');
    const chosen = devices.map(({ match, cpus }) => ({
      match,
      isNamed: namedIn(match),
      target: targetOf(cpusFor(cpus, machine)),
    }));
    const others = targetOf(machine.housekeeping);
    const all = matching(now, /^\/proc\/irq\/(\d+)\/smp_affinity_list$/).sort(
      (a, b) => Number(a.groups[0]) - Number(b.groups[0]),
    );
    const found = new Set<string>();
    const moved = all.flatMap(({ path, groups: [number = ''] }): Item[] => {
      const own = chosen.find(({ isNamed }) => isNamed(names.get(Number(number)) ?? ''));
      if (own !== undefined) found.add(own.match);
      return itemsOfInterrupt(now, path, number, own?.target ?? others);
    });
    const fallback: Item = {
      kind: 'value',
      path: '/proc/irq/default_smp_affinity',
      aspect: 'cpu-mask',
      want: formatCpuMask(machine.housekeeping),
      label: 'default',
    };
    const missing = devices.filter(({ match }) => !found.has(match));
    return [...moved, fallback, ...missing.map(({ match }) => matchesNothing(match, 'interrupt'))];
  },
});
