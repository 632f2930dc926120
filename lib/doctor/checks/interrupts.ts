import { formatCpuList, intersectCpus, parseCpuList, parseCpuMask } from '../../host/cpu-list.js';
import { parseInterrupts } from '../../tuning/knobs/interrupts/affinity.js';
import { bansIsolated, banRequests } from '../../tuning/knobs/interrupts/irqbalance.js';
import { files, line, matching, text } from '../../tuning/reading.js';
import { knobCosts } from '../costs/table.js';
import { findingOf } from '../finding.js';
import type { Check, Seen } from '../seen.js';

const costOf = (knob: string) => knobCosts[knob]?.realtime;

export const irqbalance: Check = {
  reads: banRequests,
  look: ({ now, machine }) => (bansIsolated(now, machine) ? { findings: [], silences: ['irqbalance'] } : undefined),
};

/** Where an interrupt goes: its effective CPUs where the kernel shows them, for its mask may name more than it uses. */
const targets = ({ now }: Seen): { number: string; cpus: readonly number[] }[] =>
  matching(now, /^\/proc\/irq\/(\d+)\/smp_affinity_list$/).map(({ text: mask, groups: [number = ''] }) => {
    const effective = line(now, `/proc/irq/${number}/effective_affinity_list`) ?? '';
    return { number, cpus: parseCpuList(effective === '' ? mask : effective) };
  });

/** An interrupt that has never fired and belongs to no driver disturbs nobody. */
const named = ({ now }: Seen): ReadonlyMap<number, string> => parseInterrupts(now.texts.get('/proc/interrupts') ?? '');

const listed = (all: readonly string[]): string =>
  all.length > 6 ? `${all.slice(0, 6).join(', ')}, and ${String(all.length - 6)} more` : all.join(', ');

const onIsolated = (seen: Seen) => {
  const names = named(seen);
  return targets(seen).flatMap(({ number, cpus }) => {
    const own = intersectCpus(cpus, seen.machine.isolated);
    const name = names.get(Number(number));
    if (own.length === 0 || (names.size > 0 && name === undefined)) return [];
    const device = name?.trim().split(/\s+/).at(-1);
    return [`IRQ ${number}${device === undefined ? '' : ` (${device})`} on CPU ${formatCpuList(own)}`];
  });
};

const mendIt = (cpus: string, mask: string): string =>
  `for irq in /proc/irq/*/smp_affinity_list; do echo ${cpus} >$irq; done; echo ${mask} >/proc/irq/default_smp_affinity`;

export const interrupts: Check = {
  reads: [
    ...files(
      '/proc/irq/[0-9]*/smp_affinity_list',
      '/proc/irq/[0-9]*/effective_affinity_list',
      '/proc/irq/default_smp_affinity',
    ),
    text('/proc/interrupts'),
  ],
  look: (seen) => {
    const { isolated, housekeeping } = seen.machine;
    if (isolated.length === 0) return undefined;
    const disturbing = onIsolated(seen);
    const shown = line(seen.now, '/proc/irq/default_smp_affinity') ?? '';
    // A container may be shown none.
    const fallback = /^[0-9a-f,]+$/i.test(shown) ? intersectCpus(parseCpuMask(shown), isolated) : [];
    const silences = ['irq-affinity'];
    const cost = costOf(disturbing.length > 0 ? 'irq-affinity' : 'irqaffinity');
    if (disturbing.length === 0 && fallback.length === 0) return { findings: [], silences };
    const mask = housekeeping.reduce((sum, cpu) => sum | (1n << BigInt(cpu)), 0n).toString(16);
    const cpus = formatCpuList(housekeeping);
    return {
      findings: [
        findingOf({
          check: 'irq-affinity',
          what:
            disturbing.length > 0
              ? `interrupts go to isolated CPUs: ${listed(disturbing)}`
              : `no interrupt goes to an isolated CPU, but new ones may: the default names CPUs ${formatCpuList(fallback)}`,
          costs: 'The interrupt and its softirq take the CPU from whatever runs there.',
          ...(cost === undefined ? {} : { cost }),
          mend:
            disturbing.length > 0
              ? `${mendIt(cpus, mask.replace(/\B(?=(?:.{8})+$)/g, ','))} (those that the kernel manages itself: boot with isolcpus=managed_irq,domain,${formatCpuList(isolated)})`
              : `echo ${mask.replace(/\B(?=(?:.{8})+$)/g, ',')} >/proc/irq/default_smp_affinity`,
          knob: 'irq-affinity',
          suite: 'knobs: { irq-affinity: housekeeping }',
        }),
      ],
      silences,
    };
  },
};
