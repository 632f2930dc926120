import * as z from 'zod';
import { canonical } from '../../aspect.js';
import { defineKnob, type Item } from '../../knob.js';
import { files, matching, type Snapshot } from '../../reading.js';
import { lacking, withoutIsolated } from '../common.js';
import { matchesNothing, namedIn } from '../interrupts/affinity.js';

const flags: Readonly<Record<string, string>> = { other: '-o', fifo: '-f', rr: '-r', batch: '-b', idle: '-i' };
const chrt = (schedule: string, pid: string): string[] => {
  const [priority = '0', policy = 'other'] = schedule.split(' ').reverse();
  return ['chrt', flags[policy] ?? '-o', '-p', priority, pid];
};

interface Thread {
  readonly pid: string;
  readonly name: string;
  readonly path: string;
}

/** Threads of the process table whose name matches. */
export const threadsNamed = (now: Snapshot, pattern: RegExp): Thread[] =>
  matching(now, /^\/proc\/(\d+)\/stat$/).flatMap(({ path, text, groups: [pid = ''] }) => {
    const name = text.slice(text.indexOf('(') + 1, text.lastIndexOf(')'));
    return pattern.test(name) ? [{ pid, name, path }] : [];
  });

export const fifo = ({ pid, name, path }: Thread, priority: number): Item => ({
  kind: 'action',
  label: name,
  place: { kind: 'file', path },
  aspect: 'schedule',
  want: `${name} fifo ${String(priority)}`,
  argv: ['chrt', '-f', '-p', String(priority), pid],
  undo: (before) => chrt(canonical('text', before), pid),
});

const priorities = z
  .partialRecord(
    z.enum(['ksoftirqd', 'ktimers', 'ktimersoftd', 'rcuc', 'rcub', 'rcuog', 'rcuop']),
    z.int().min(1).max(99),
  )
  .meta({ description: 'SCHED_FIFO priority by kind of kernel thread.' });

export const kthreadPriorities = defineKnob({
  name: 'kthread-priorities',
  group: 'operating-system',
  summary:
    'SCHED_FIFO priorities of the per-CPU kernel threads of the isolated CPUs (ksoftirqd, ktimers, rcuc), and of all rcub.',
  why: 'On a real-time kernel a busy FIFO task starves these threads: timers do not expire and RCU stalls, unless they are above it.',
  costs: 'Late timers, RCU stall warnings, and in the end a hung machine.',
  source: 'Documentation/admin-guide/kernel-per-CPU-kthreads.rst; values of KVM4NFV (2, 3, 3) and tuned (2, 2, 4, 4)',
  mend: 'chrt -f -p 2 <pid of ksoftirqd/N>, and so on.',
  value: priorities,
  reads: () => files('/proc/[0-9]*/stat'),
  items: ({ value: wanted, machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('kernel threads')];
    return Object.entries(wanted).flatMap(([kind, priority]): Item[] => {
      // rcub threads serve a node of RCU's tree, not a CPU: all of them are raised.
      const pattern = kind === 'rcub' ? /^rcub\/\d+$/ : new RegExp(`^${kind}/(?:${machine.isolated.join('|')})$`);
      const threads = threadsNamed(now, pattern);
      return threads.length === 0
        ? [lacking(kind, 'this kernel has no such threads for these CPUs')]
        : threads.map((thread) => fifo(thread, priority));
    });
  },
});

export const irqThreads = defineKnob({
  name: 'irq-thread-priority',
  group: 'performance',
  summary: 'SCHED_FIFO priority of interrupt threads whose name has a given text, such as `vfio`.',
  why: "KVM4NFV made the vfio MSI handler non-threaded. Where a kernel threads it (PREEMPT_RT, threadirqs), the thread must be above everything that runs on its CPU, or the guest's interrupt waits.",
  costs: 'A context switch, and as long as a thread of higher priority runs.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: threadirqs; chrt(1)',
  mend: 'Boot without threadirqs, or chrt -f -p 85 <pid of irq/N-vfio...>.',
  value: z.array(z.strictObject({ match: z.string().min(1), priority: z.int().min(1).max(99) })).min(1),
  reads: () => files('/proc/[0-9]*/stat'),
  items: ({ value: wanted }, now) =>
    wanted.flatMap(({ match, priority }): Item[] => {
      const isNamed = namedIn(match);
      const threads = threadsNamed(now, /^irq\/\d+-/).filter(({ name }) => isNamed(name));
      return threads.length === 0
        ? [matchesNothing(match, 'interrupt thread')]
        : threads.map((thread) => fifo(thread, priority));
    }),
});
