import * as z from 'zod';
import { defineKnob, type Item } from '../../knob.js';
import { files, line } from '../../reading.js';
import { lacking, parameter } from '../common.js';

const path = '/sys/module/rcutree/parameters/nohz_full_patience_delay';

export const rcuPatience = defineKnob({
  name: 'rcu-patience',
  group: 'operating-system',
  summary: 'Milliseconds for which RCU waits for a tickless CPU that is in the kernel before it disturbs it.',
  why: 'A short system call would otherwise bring the tick back, or RCU core work, on a CPU that has just one task. Since Linux 6.11.',
  costs: 'A tick of some microseconds, now and then, in programs that call the kernel.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: rcutree.nohz_full_patience_delay=',
  mend: 'Boot with rcutree.nohz_full_patience_delay=1000.',
  needsReboot: true,
  value: z.int().min(0).max(5000),
  reads: () => files(path),
  items: ({ value: milliseconds }, now): Item[] => {
    const shown = line(now, path);
    if (shown === undefined) return [lacking('patience', 'this kernel (before 6.11) has no nohz_full_patience_delay')];
    return shown === String(milliseconds)
      ? [{ kind: 'check', label: 'patience', place: { kind: 'file', path }, aspect: 'number', want: shown }]
      : [parameter(`rcutree.nohz_full_patience_delay=${String(milliseconds)}`)];
  },
});
