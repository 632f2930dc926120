import * as z from 'zod';
import { formatCpuList, invertCpus, parseCpuList, parseCpuMask } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { command, files, line, matching, text, type Request, type Snapshot } from '../../reading.js';
import { cpuList, lacking, needless, withoutIsolated } from '../common.js';
import { stop } from '../units.js';

const unit = 'irqbalance.service';
/** Debian's, and the one of RHEL and SUSE. */
const settings = ['/etc/default/irqbalance', '/etc/sysconfig/irqbalance'] as const;

/** A process of that name which no service manager of ours stops: told, never killed. */
const strays = (now: Snapshot): Item[] =>
  matching(now, /^\/proc\/(\d+)\/stat$/).flatMap(({ path, text: stat, groups: [pid = ''] }): Item[] =>
    stat.includes('(irqbalance)')
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

const settingOf = (content: string, name: string): string | undefined => {
  // The service manager reads them, to which a line with `export` says nothing.
  const found = [...content.matchAll(new RegExp(`^\\s*${name}=(.*)$`, 'gm'))].at(-1)?.[1];
  return found === undefined ? undefined : found.trim().replaceAll(/^["']|["']$/g, '');
};

/** CPUs that irqbalance gives no interrupts: those of its settings, else those that the kernel isolates or takes the tick from. */
const bannedCpus = (now: Snapshot): readonly number[] => {
  const content = settings.map((path) => now.texts.get(path)).find((found) => found !== undefined) ?? '';
  const list = settingOf(content, 'IRQBALANCE_BANNED_CPULIST');
  const mask = settingOf(content, 'IRQBALANCE_BANNED_CPUS');
  try {
    // Of both it takes the mask, and warns.
    if (mask !== undefined && mask !== '') return parseCpuMask(mask);
    if (list !== undefined && list !== '') return parseCpuList(list);
  } catch {
    return [];
  }
  return ['isolated', 'nohz_full'].flatMap((file) => {
    const shown = line(now, `/sys/devices/system/cpu/${file}`) ?? '';
    return /^\d/.test(shown) ? parseCpuList(shown) : [];
  });
};

/** What {@link bansIsolated} looks at. */
export const banRequests: readonly Request[] = [
  ...files('/sys/devices/system/cpu/isolated', '/sys/devices/system/cpu/nohz_full'),
  ...settings.map(text),
];

export const bansIsolated = (now: Snapshot, { isolated }: Machine): boolean =>
  isolated.length > 0 && invertCpus(bannedCpus(now), isolated).length === 0;

const harmless = ({ isolated }: Machine): Item => ({
  kind: 'lacking',
  label: unit,
  state: 'unsupported',
  reason: `irqbalance runs, and leaves CPUs ${formatCpuList(isolated)} alone`,
  excused: true,
});

/** The settings with the list put in; what else they say stays. */
const withBan = (content: string, cpus: string): string => {
  const kept = content.split('\n').filter((entry) => !/^\s*(?:export\s+)?IRQBALANCE_BANNED_CPU(?:LIST|S)=/.test(entry));
  return `${kept.join('\n').trimEnd()}\nIRQBALANCE_BANNED_CPULIST=${cpus}\n`.trimStart();
};

const banning = (now: Snapshot, machine: Machine): Item[] => {
  const path = settings.find((candidate) => now.texts.has(candidate));
  if (path === undefined) return [lacking(unit, `neither ${settings.join(' nor ')} is there`, 'unsupported')];
  if (bansIsolated(now, machine)) return [harmless(machine)];
  const restart = ['systemctl', 'try-restart', unit];
  const want = withBan(now.texts.get(path) ?? '', cpuList(machine.isolated));
  return [{ kind: 'file', path, want, label: path, phase: 0, then: restart }];
};

export const irqbalance = defineKnob({
  name: 'irqbalance',
  group: 'operating-system',
  summary: 'irqbalance is stopped before interrupts are moved, or is told to leave the isolated CPUs alone.',
  why: 'It moves interrupts back by its own judgement every ten seconds.',
  costs: 'The interrupt load of a device on an isolated CPU, at a time that nobody chose.',
  source: 'irqbalance(1) (IRQBALANCE_BANNED_CPULIST); Documentation/core-api/irq/irq-affinity.rst',
  mend: 'systemctl disable --now irqbalance, or ban the isolated CPUs in its configuration.',
  weight: 'major',
  value: z.enum(['stopped', 'banned']).meta({
    description: '`stopped`, unless it leaves the isolated CPUs alone already; `banned`: it goes on with the others.',
  }),
  reads: () => [command('systemctl', 'is-active', unit), ...files('/proc/[0-9]*/stat'), ...banRequests],
  items: ({ value: how, machine }, now) => {
    const running = strays(now);
    const shown = now.commands.get(`command systemctl\0is-active\0${unit}`);
    const unmanaged = shown === undefined || (shown.exitCode !== 0 && running.length > 0);
    if (how === 'banned') return machine.isolated.length === 0 ? [withoutIsolated(unit)] : banning(now, machine);
    if ((running.length > 0 || shown?.exitCode === 0) && bansIsolated(now, machine)) return [harmless(machine)];
    const noManager = shown === undefined || shown.exitCode === 127;
    if (noManager && running.length === 0) return [needless(unit, 'no irqbalance runs here')];
    return unmanaged ? running : [stop(unit)];
  },
});
