import * as z from 'zod';
import { defineKnob } from '../knob.js';
import { command, type Snapshot } from '../reading.js';
import { lacking, needless } from './common.js';
import { start, stop } from './units.js';

const unitName = z
  .string()
  .regex(
    /^[A-Za-z0-9:_.@-]+\.(?:service|timer|socket|path)$/,
    'expected the name of a systemd unit, such as irqbalance.service',
  );

/** Whether systemctl is there to ask. */
const answers = (now: Snapshot, ...question: readonly string[]): boolean => {
  const answer = now.commands.get(`command systemctl\0${question.join('\0')}`);
  return answer !== undefined && answer.exitCode !== 127;
};

export const services = defineKnob({
  name: 'services',
  group: 'operating-system',
  summary: 'Services and timers that disturb are stopped for the run.',
  why: 'Some change tunings (tuned, power-profiles-daemon, ksmtuned), some wake at their own times, and a firmware refresh raises SMIs.',
  costs: 'Anything from a context switch to the hundreds of microseconds of an SMI.',
  source: 'systemctl(1); the OpenShift low-latency profile stops fwupd-refresh.timer for its SMIs',
  mend: 'systemctl stop the units named.',
  value: z.array(unitName).min(1),
  reads: (units) => units.map((unit) => command('systemctl', 'is-active', unit)),
  items: ({ value: units }, now) =>
    units.map((unit) =>
      answers(now, 'is-active', unit) ? stop(unit) : needless(unit, 'systemd does not run here, and no unit of it'),
    ),
});

const daemon = 'stalld.service';

export const stalld = defineKnob({
  name: 'stalld',
  group: 'operating-system',
  summary: 'stalld runs, or does not: it lends time to tasks that a real-time task starves.',
  why: 'A real-time task that never sleeps starves the kernel threads of its CPU for ever once nothing limits it (rt-throttling, fair-server); stalld boosts those that wait too long, by 20 microseconds in each second.',
  costs: 'Running: its boosts, on the CPU that is measured. Not running: a kernel thread that never runs, and what waits for it.', // prettier-ignore
  source: 'stalld(8); OpenShift starts it with its real-time hint and stops it without',
  mend: 'systemctl enable --now stalld',
  value: z.enum(['running', 'stopped']),
  reads: () => [command('systemctl', 'is-active', daemon), command('systemctl', 'cat', daemon)],
  items: ({ value: wanted }, now) => {
    if (!answers(now, 'cat', daemon))
      return [(wanted === 'stopped' ? needless : lacking)(daemon, 'systemd does not run here')];
    const installed = now.commands.get(`command systemctl\0cat\0${daemon}`)?.exitCode === 0;
    if (wanted === 'stopped') return [installed ? stop(daemon) : needless(daemon, 'stalld is not installed')];
    return [installed ? start(daemon) : lacking(daemon, 'stalld is not installed')];
  },
});
