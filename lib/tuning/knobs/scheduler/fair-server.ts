import * as z from 'zod';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, text, type Snapshot } from '../../reading.js';
import { lacking, perCpu, value, withoutIsolated } from '../common.js';

const debugfs = '/sys/kernel/debug';

const mount: Item = {
  kind: 'action',
  label: 'debugfs',
  phase: 0,
  place: { kind: 'command', argv: ['findmnt', '-n', '-o', 'FSTYPE', '-M', debugfs] },
  aspect: 'first-word',
  want: 'debugfs',
  argv: ['mount', '-t', 'debugfs', 'debugfs', debugfs],
  undo: () => ['umount', debugfs],
};

/** It is there and root can't read it. */
const lockedDown =
  'the kernel is locked down (Secure Boot, or lockdown=integrity), so that debugfs can be neither read nor written: keep ordinary tasks off the CPU (task-affinity, isolcpus)';

/** Linux 6.12 brought it; distributions may have it in older ones. */
const isSince612 = ({ kernel: { major, minor } }: Machine): boolean => major > 6 || (major === 6 && minor >= 12);

const whyNot = (now: Snapshot, machine: Machine): readonly Item[] => {
  if (!isSince612(machine))
    return [lacking('fair server', `Linux ${machine.kernel.release} has none: rt-throttling is all it takes`)];
  if (!/\bdebugfs\b/.test(now.texts.get('/proc/filesystems') ?? ''))
    return [lacking('fair server', 'it is set in debugfs, which this kernel is built without', 'unsupported')];
  return [mount];
};

export const fairServer = defineKnob({
  name: 'fair-server',
  group: 'operating-system',
  summary: 'Ordinary tasks are given nothing on the isolated CPUs while a real-time task runs there.',
  why: 'Since Linux 6.12 a deadline server on each CPU runs ordinary tasks for 50 ms of each second, above every FIFO task; sched_rt_runtime_us = -1 does not stop it.',
  costs:
    'Gaps of up to 50 ms once a second in a busy-polling real-time task, as soon as an ordinary task waits on its CPU.',
  source: 'Documentation/scheduler/sched-deadline.rst, kernel/sched/debug.c (sched/fair_server in debugfs), sched/ext_server since 6.19', // prettier-ignore
  mend: 'Write 0 to /sys/kernel/debug/sched/fair_server/cpuN/runtime.',
  weight: 'major',
  value: z.literal('off').meta({ description: 'Off: an ordinary task on such a CPU may wait for ever.' }),
  reads: () => [
    ...files(`${debugfs}/sched/fair_server/cpu[0-9]*/runtime`, `${debugfs}/sched/ext_server/cpu[0-9]*/runtime`),
    text('/proc/filesystems'),
    { kind: 'command', argv: ['findmnt', '-n', '-o', 'FSTYPE', '-M', debugfs] },
  ],
  items: ({ machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('fair server')];
    const all = ['fair', 'ext'].flatMap((kind) =>
      perCpu(now, new RegExp(`^${debugfs}/sched/${kind}_server/cpu(\\d+)/runtime$`), machine).map(
        ({ path, text: shown, cpu }): Item => {
          const label = `CPU ${String(cpu)} ${kind} server`;
          return shown.trim() === '' ? lacking(label, lockedDown, 'unsupported') : value(path, 'number', 0, { label });
        },
      ),
    );
    return all.length > 0 ? all : whyNot(now, machine);
  },
});
