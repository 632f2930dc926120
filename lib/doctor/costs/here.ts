import type { KnobDefinition } from '../../tuning/knob.js';
import { line } from '../../tuning/reading.js';
import { microseconds, type Cost } from '../finding.js';
import { deepestIdle, idleWords } from '../idle.js';
import type { Seen } from '../seen.js';
import { costByWeight, knobCosts } from './table.js';

const idle = (seen: Seen): Cost | undefined => {
  const latency = deepestIdle(seen);
  return latency === 0
    ? undefined
    : microseconds(latency, latency, 'this machine: cpuidle/stateN/latency of the deepest state that is enabled');
};

/** Ticks of all CPUs at once wait for the same locks: the last CPU for all the others. */
const sharedTick = ({ machine, use }: Seen): Cost | 'none' =>
  use === 'dpdk'
    ? 'none'
    : microseconds(
        0.1,
        0.1 * machine.online.length,
        'estimated; Linux, Documentation/admin-guide/kernel-parameters.txt: 0.1 us of a lock for each CPU of this machine',
      );

const byMachine: Readonly<Record<string, (seen: Seen) => Cost | 'none' | undefined>> = {
  'c-states': idle,
  'cpu-wakeup-latency': idle,
  'idle-loop': idle,
  'skew-tick': sharedTick,
};

/** What it costs on this machine, for this use, that a knob is not set. Undefined: no time. */
export const costOf = (knob: Pick<KnobDefinition, 'name' | 'weight'>, seen: Seen): Cost | undefined => {
  const here = byMachine[knob.name]?.(seen);
  if (here !== undefined) return here === 'none' ? undefined : here;
  const row = knobCosts[knob.name];
  if (row === undefined) return costByWeight(knob.weight);
  const cost = seen.use === 'dpdk' ? (row.dpdk ?? row.realtime) : row.realtime;
  return cost === 'none' ? undefined : cost;
};

const words: Readonly<Record<string, (seen: Seen) => string | undefined>> = {
  'c-states': idleWords,
  smt: ({ now }) =>
    line(now, '/sys/devices/system/cpu/smt/active') === '1' ? 'cores have several threads online' : undefined,
};

/** What this machine shows of a knob that is not set, where that says more than its values. */
export const wordsOf = (knob: string, seen: Seen): string | undefined => words[knob]?.(seen);
