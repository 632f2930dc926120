import { formatCpuList, formatCpuMask } from '../../host/cpu-list.js';
import type { Aspect } from '../aspect.js';
import type { Item, Phase } from '../knob.js';
import type { Machine } from '../machine.js';
import { matching, type Snapshot } from '../reading.js';

export const sysctlPath = (name: string): string => `/proc/sys/${name.replaceAll('.', '/')}`;

/** One kernel file. */
export const value = (
  path: string,
  aspect: Aspect,
  want: string | number,
  extra: { label?: string; phase?: Phase; needless?: string } = {},
): Item => ({
  kind: 'value',
  path,
  aspect,
  want: String(want),
  label: extra.label ?? path.slice(path.lastIndexOf('/') + 1),
  ...(extra.phase === undefined ? {} : { phase: extra.phase }),
  ...(extra.needless === undefined ? {} : { needless: extra.needless }),
});

/** CPUs in a file that takes a mask. */
export const maskValue = (path: string, cpus: readonly number[], label: string): Item => ({
  kind: 'value',
  path,
  aspect: 'cpu-mask',
  want: formatCpuMask(cpus),
  label,
});

export const parameter = (text: string): Item => ({ kind: 'parameter', parameter: text, label: text });

export const lacking = (
  label: string,
  reason: string,
  state: 'absent' | 'unsupported' | 'differs' = 'absent',
): Item => ({
  kind: 'lacking',
  label,
  reason,
  state,
});

/** Told of something that is as wanted without our doing, and no reason to stop. */
export const needless = (label: string, reason: string): Item => ({
  kind: 'lacking',
  label,
  reason,
  state: 'absent',
  excused: true,
});

export const noIsolated = 'no isolated_cpus are given';

/** Where a profile names no isolated CPUs, what concerns only these has nothing to do. */
export const withoutIsolated = (label: string): Item => lacking(label, noIsolated, 'unsupported');

/** Kernel files of each CPU that match, of isolated CPUs only where there are any. */
export const perCpu = (
  now: Snapshot,
  pattern: RegExp,
  machine: Machine,
): { path: string; text: string; cpu: number; groups: string[] }[] =>
  matching(now, pattern)
    .map(({ groups: [cpu = '', ...groups], ...found }) => ({ ...found, cpu: Number(cpu), groups }))
    .filter(({ cpu }) => (machine.isolated.length === 0 ? machine.online : machine.isolated).includes(cpu))
    .sort((a, b) => a.cpu - b.cpu);

export const cpuList = (cpus: readonly number[]): string => formatCpuList(cpus);
