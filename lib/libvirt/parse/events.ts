import type { LifecycleEvent } from '../types.js';

const kinds: Readonly<Record<string, LifecycleEvent['event']>> = {
  Defined: 'defined',
  Undefined: 'undefined',
  Started: 'started',
  Suspended: 'suspended',
  Resumed: 'resumed',
  Stopped: 'stopped',
  Shutdown: 'shutdown',
  PMSuspended: 'pmsuspended',
  Crashed: 'crashed',
};
const form = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)\.(\d{3})\+0000: event 'lifecycle' for domain '(.+)': (\S+) ?(.*)$/;

/** Reads a line of `virsh event --event lifecycle --timestamp`; undefined where it is no event. */
export const parseLifecycleEvent = (line: string): LifecycleEvent | undefined => {
  const match = form.exec(line.trim());
  const [, day = '', time = '', fraction = '', domain = '', word = '', detail = ''] = match ?? [];
  const event = kinds[word];
  if (event === undefined) return undefined;
  return {
    domain,
    event,
    detail: detail.toLowerCase(),
    at: BigInt(Date.parse(`${day}T${time}.${fraction}Z`)) * 1_000_000n,
  };
};
