import { formatCpuList } from '../host/cpu-list.js';
import { command, files, line, matching, outputOf, type Request, type Snapshot } from '../tuning/reading.js';
import type { Seen } from './seen.js';

/** What tuned's force_latency and others hold: the wake-up latency that is allowed on every CPU, in microseconds. */
const allowed = ['od', '-An', '-td4', '-N4', '/dev/cpu_dma_latency'] as const;

export const idleRequests: readonly Request[] = [
  ...files(
    ...['latency', 'name', 'disable'].map((file) => `/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/${file}`),
    '/sys/devices/system/cpu/cpu[0-9]*/power/pm_qos_resume_latency_us',
  ),
  command(...allowed),
];

export interface IdleState {
  readonly cpu: number;
  readonly state: string;
  readonly name: string;
  /** Microseconds that it takes to leave. */
  readonly latency: number;
}

const limitOf = (now: Snapshot, cpu: number): number => {
  const whole = Number.parseInt(outputOf(now, ...allowed)?.stdout ?? '', 10);
  const own = line(now, `/sys/devices/system/cpu/cpu${String(cpu)}/power/pm_qos_resume_latency_us`);
  // The kernel's words: `n/a` is no latency at all, 0 is no limit.
  const ownLimit = own === 'n/a' ? 0 : Number(own ?? 0) || Infinity;
  return Math.min(Number.isNaN(whole) ? Infinity : whole, ownLimit);
};

/** Idle states that the CPUs that count may go to: neither disabled, nor deeper than somebody allows. */
export const idleStates = ({ now, machine }: Seen): IdleState[] => {
  const cpus = machine.isolated.length === 0 ? machine.online : machine.isolated;
  return matching(now, /cpu(\d+)\/cpuidle\/(state\d+)\/latency$/).flatMap(
    ({ path, text, groups: [id, state = ''] }) => {
      const cpu = Number(id);
      const latency = Number(text);
      const enabled = line(now, path.replace(/latency$/, 'disable')) !== '1';
      return enabled && cpus.includes(cpu) && latency <= limitOf(now, cpu)
        ? [{ cpu, state, name: line(now, path.replace(/latency$/, 'name')) ?? state, latency }]
        : [];
    },
  );
};

export const deepestIdle = (seen: Seen): number =>
  idleStates(seen).reduce((deepest, { latency }) => Math.max(deepest, latency), 0);

export const idleWords = (seen: Seen): string => {
  const latency = deepestIdle(seen);
  const deepest = idleStates(seen).filter((state) => state.latency === latency);
  const names = [...new Set(deepest.map(({ name }) => name))].join(', ');
  return `CPUs ${formatCpuList(deepest.map(({ cpu }) => cpu))} may go to ${names}, which takes ${String(latency)} us to leave`;
};
