import type { Item } from '../knob.js';

/** `exit-N` is what systemctl leaves where systemd does not run: then nothing of the sort runs either. */
const isStopped = (shown: string): boolean => !['active', 'activating', 'reloading'].includes(shown);

const state = (unit: string) => ({ kind: 'command', argv: ['systemctl', 'is-active', unit] }) as const;

export const stop = (unit: string): Item => ({
  kind: 'action',
  label: unit,
  phase: 0,
  place: state(unit),
  aspect: 'first-word',
  want: 'inactive',
  accept: isStopped,
  argv: ['systemctl', 'stop', unit],
  undo: () => ['systemctl', 'start', unit],
});

export const start = (unit: string, argv: readonly string[] = ['systemctl', 'start', unit]): Item => ({
  kind: 'action',
  label: unit,
  phase: 0,
  place: state(unit),
  aspect: 'first-word',
  want: 'active',
  argv,
  undo: () => ['systemctl', 'stop', unit],
});
