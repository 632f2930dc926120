import type { JobInfo } from '../types.js';
import { optional } from '../optional.js';

type Raw = Readonly<Record<string, number | string>>;

const valueOf = (text: string): number | string => (/^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text);

/** Reads `virsh domstats --raw` of one domain. */
export const parseStatistics = (text: string): Raw =>
  Object.fromEntries(
    [...text.matchAll(/^\s+([\w.-]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, valueOf(value.trim())]),
  );

const types = ['none', 'bounded', 'unbounded', 'completed', 'failed', 'cancelled'] as const;
const milliseconds = (value: number | undefined): number | undefined => (value === undefined ? undefined : value * 1e6);

/** Reads `virsh domjobinfo --rawstats`: libvirt's names of typed parameters, times in milliseconds. */
export const parseJob = (text: string): JobInfo => {
  const raw: Raw = Object.fromEntries(
    [...text.matchAll(/^([a-z][\w.]*): (.*)$/gm)].map(([, name = '', value = '']) => [name, valueOf(value.trim())]),
  );
  const number = (name: string): number | undefined => (typeof raw[name] === 'number' ? raw[name] : undefined);
  return {
    type: types[Number(/^Job type:\s*(\d+)/m.exec(text)?.[1] ?? 0)] ?? 'none',
    ...optional('operation', number('operation')),
    ...optional('elapsed', milliseconds(number('time_elapsed'))),
    ...optional('downtime', milliseconds(number('downtime'))),
    ...optional('setup', milliseconds(number('setup_time'))),
    ...optional('dataTotal', number('data_total')),
    ...optional('dataProcessed', number('data_processed')),
    ...optional('dataRemaining', number('data_remaining')),
    ...optional('memoryTotal', number('memory_total')),
    ...optional('memoryProcessed', number('memory_processed')),
    ...optional('memoryRemaining', number('memory_remaining')),
    ...optional('memoryBandwidth', number('memory_bps')),
    ...optional('iterations', number('memory_iteration')),
    ...optional('dirtyRate', number('memory_dirty_rate')),
    raw,
  };
};
