import * as z from 'zod';
import { defineKnob, type Item } from '../knob.js';
import { command, files, matching, type Snapshot } from '../reading.js';

const unitName = z
  .string()
  .regex(
    /^[A-Za-z0-9:_.@-]+\.(?:service|timer|socket|path)$/,
    'expected the name of a systemd unit, such as irqbalance.service',
  );
/** `exit-N` is what systemctl leaves where systemd does not run: then nothing of the sort runs either. */
const stopped = (shown: string): boolean => !['active', 'activating', 'reloading'].includes(shown);

const stop = (unit: string): Item => ({
  kind: 'action',
  label: unit,
  phase: 0,
  place: { kind: 'command', argv: ['systemctl', 'is-active', unit] },
  aspect: 'first-word',
  want: 'inactive',
  accept: stopped,
  argv: ['systemctl', 'stop', unit],
  undo: () => ['systemctl', 'start', unit],
});

/** A process of that name which no service manager of ours stops: told, never killed. */
const strays = (now: Snapshot, name: string): Item[] =>
  matching(now, /^\/proc\/(\d+)\/stat$/).flatMap(({ path, text, groups: [pid = ''] }): Item[] =>
    text.includes(`(${name})`)
      ? [
          {
            kind: 'check',
            label: `process ${pid}`,
            place: { kind: 'file', path },
            aspect: 'schedule',
            want: 'not running',
          },
        ]
      : [],
  );

export const irqbalance = defineKnob({
  name: 'irqbalance',
  group: 'operating-system',
  summary: 'irqbalance is stopped, before interrupts are moved.',
  why: 'It moves interrupts back by its own judgement every ten seconds.',
  costs: 'The interrupt load of a device on an isolated CPU, at a time that nobody chose.',
  source: 'irqbalance(1); Documentation/core-api/irq/irq-affinity.rst',
  mend: 'systemctl disable --now irqbalance, or ban the isolated CPUs in its configuration.',
  weight: 'major',
  value: z.literal('stopped'),
  reads: () => [command('systemctl', 'is-active', 'irqbalance.service'), ...files('/proc/[0-9]*/stat')],
  items: (_, now) => {
    const running = strays(now, 'irqbalance');
    const unit = now.commands.get('command systemctl\0is-active\0irqbalance.service');
    return unit === undefined || (unit.exitCode !== 0 && running.length > 0) ? running : [stop('irqbalance.service')];
  },
});

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
    units.filter((unit) => now.commands.has(`command systemctl\0is-active\0${unit}`)).map(stop),
});
