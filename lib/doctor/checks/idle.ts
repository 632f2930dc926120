import { formatCpuList } from '../../host/cpu-list.js';
import { findingOf, microseconds } from '../finding.js';
import { deepestIdle, idleRequests, idleStates, idleWords } from '../idle.js';
import type { Check, Seen } from '../seen.js';

/** Microseconds. What C1 takes everywhere, C1E included, is left to the knob. */
const shallow = 10;

const mendOf = (seen: Seen): string => {
  const deep = idleStates(seen).filter(({ latency }) => latency > shallow);
  return [...new Set(deep.map(({ state }) => state))]
    .map((state) => {
      const cpus = deep.filter((other) => other.state === state).map(({ cpu }) => cpu);
      const each =
        cpus.length > 8 ? `$(seq ${String(Math.min(...cpus))} ${String(Math.max(...cpus))})` : cpus.join(' ');
      return `for cpu in ${each}; do echo 1 >/sys/devices/system/cpu/cpu$cpu/cpuidle/${state}/disable; done`;
    })
    .join('; ');
};

/** Idle states by what they take, whatever they are called, and whoever keeps the CPUs from them. */
export const idle: Check = {
  reads: idleRequests,
  look: (seen) => {
    const latency = deepestIdle(seen);
    const states = idleStates(seen);
    if (states.length === 0) return undefined;
    if (latency <= shallow) return latency <= 2 ? { findings: [], silences: ['c-states'] } : undefined;
    const limited = seen.machine.isolated.length === 0 ? '' : ` (isolated: ${formatCpuList(seen.machine.isolated)})`;
    return {
      findings: [
        findingOf({
          check: 'c-states',
          what: `${idleWords(seen)}${limited}`,
          costs: 'The first interrupt after idle waits until the CPU has woken up, with its caches empty as a rule.',
          cost: microseconds(
            latency,
            latency,
            'this machine: cpuidle/stateN/latency of the deepest state that it may go to',
          ),
          mend: mendOf(seen),
          knob: 'c-states',
          suite: 'knobs: { c-states: C1 }',
        }),
      ],
      silences: ['c-states'],
    };
  },
};
