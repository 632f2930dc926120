import * as z from 'zod';
import { intersectCpus, invertCpus, parseCpuList } from '../../../host/cpu-list.js';
import { canonical } from '../../aspect.js';
import { defineKnob, type Item } from '../../knob.js';
import type { Machine } from '../../machine.js';
import { files, matching, type Snapshot } from '../../reading.js';
import { cpuList, needless, parameter, withoutIsolated } from '../common.js';

/** PF_NO_SETAFFINITY of include/linux/sched.h: the kernel lets nobody move these. */
const boundByKernel = 0x04000000;

const flagsOf = (stat: string): number =>
  Number(
    stat
      .slice(stat.lastIndexOf(')') + 2)
      .trim()
      .split(' ')[6],
  );
const nameOf = (status: string): string => /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '';

interface Task {
  readonly id: string;
  readonly path: string;
  readonly name: string;
  readonly allowed: string;
}

/** Tasks that may run on an isolated CPU without having been put there: those that name nothing else are left to whoever did. */
const strayTasks = (now: Snapshot, { isolated }: Machine): Task[] =>
  matching(now, /^\/proc\/\d+\/task\/(\d+)\/status$/).flatMap(({ path, text, groups: [id = ''] }): Task[] => {
    const stat = now.files.get(path.replace(/status$/, 'stat')) ?? '';
    const allowed = canonical('cpus-allowed', text);
    if (!/^\d/.test(allowed) || stat === '' || (flagsOf(stat) & boundByKernel) !== 0) return [];
    const cpus = parseCpuList(allowed);
    const within = intersectCpus(cpus, isolated).length;
    return within === 0 || within === cpus.length ? [] : [{ id, path, name: nameOf(text), allowed }];
  });

const taskset = (id: string, cpus: string): string[] => ['taskset', '-pc', cpus, id];

/**
 * Tasks that were started meanwhile by those that were moved have inherited their CPUs: all that show these, and did not
 * before, get those of the first process. Needs no more than the shell, grep, xargs and taskset.
 */
const releaseScript = `
ours=$1; all=$2; known=" $3 "; tab=$(printf '\\t')
printf '%s\\0' /proc/[0-9]*/task/[0-9]*/status | xargs -0 grep -l "^Cpus_allowed_list:$tab$ours\$" 2>/dev/null | while read -r path; do
  id=\${path%/status}; id=\${id##*/}
  case $known in *" $id "*) ;; *) taskset -pc "$all" "$id" >/dev/null 2>&1 ;; esac
done; :`;

const release = (now: Snapshot, { housekeeping, online }: Machine): string[] => {
  const tasks = matching(now, /^\/proc\/(\d+)\/task\/(\d+)\/status$/).map(
    ({ text, groups: [process = '', id = ''] }) => ({
      process,
      id,
      allowed: canonical('cpus-allowed', text),
    }),
  );
  const ours = cpuList(housekeeping);
  const first = tasks.find(({ process, id }) => process === '1' && id === '1')?.allowed ?? cpuList(online);
  const known = tasks.filter(({ allowed }) => allowed === ours).map(({ id }) => id);
  return ['sh', '-c', releaseScript, 'kvm4nfv-release', ours, first, known.join(' ')];
};

/** Of several CPUs that a task was bound to those of housekeeping stay its own. */
const moved = ({ id, path, name, allowed }: Task, { isolated, housekeeping }: Machine): Item => {
  const left = intersectCpus(invertCpus(isolated, parseCpuList(allowed)), housekeeping);
  const cpus = cpuList(left.length === 0 ? housekeeping : left);
  return {
    kind: 'action',
    label: `${name} (${id})`,
    place: { kind: 'file', path },
    aspect: 'cpus-allowed',
    want: cpus,
    argv: taskset(id, cpus),
    undo: (before) => taskset(id, before),
  };
};

/** Nothing is left to be moved: the first process stands for all. */
const noStrays = (now: Snapshot): Item => {
  const path = '/proc/1/task/1/status';
  const shown = now.files.get(path);
  return shown === undefined
    ? needless('tasks', 'none but those pinned there may run on the isolated CPUs')
    : { kind: 'check', label: 'first process', place: { kind: 'file', path }, aspect: 'cpus-allowed', want: shown };
};

export const taskAffinity = defineKnob({
  name: 'task-affinity',
  group: 'operating-system',
  summary:
    'Every task that may run on an isolated CPU, and was not put there, is moved off: programs and what is movable of the kernel.',
  why: 'Without isolcpus the scheduler uses all CPUs that a task allows. What a moved task starts later inherits its CPUs, the first process included; tasks whose CPUs are isolated ones only were pinned by somebody and stay.',
  costs: 'Another task on the CPU: time slices of milliseconds.',
  source: 'sched_setaffinity(2), taskset(1); the isolated_cores of the scheduler plug-in of tuned',
  mend: 'taskset -pc <housekeeping CPUs> for each task; systemd.cpu_affinity= for those that the boot starts.',
  weight: 'major',
  value: z.literal('housekeeping'),
  reads: () => files('/proc/[0-9]*/task/[0-9]*/status', '/proc/[0-9]*/task/[0-9]*/stat'),
  items: ({ machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('tasks')];
    const strays = strayTasks(now, machine);
    if (strays.length === 0) return [noStrays(now)];
    // Whoever is moved may have started others since the look: once the first process is moved, those are moved as well.
    const firstPass = strays.some(({ id }) => id === '1');
    return strays.map((task, index) => ({
      ...moved(task, machine),
      ...(firstPass ? { phase: 0 } : {}),
      ...(index === 0 ? { afterwards: release(now, machine) } : {}),
    }));
  },
});

export const systemdAffinity = defineKnob({
  name: 'systemd-cpu-affinity',
  group: 'operating-system',
  summary: 'The service manager, and with it every service, keeps to the housekeeping CPUs from boot on.',
  why: 'What the first process allows itself, all that it starts inherits.',
  costs: 'As for task-affinity.',
  source: 'systemd(1): systemd.cpu_affinity=; systemd-system.conf(5): CPUAffinity=',
  mend: 'CPUAffinity= in /etc/systemd/system.conf, or systemd.cpu_affinity= on the kernel command line.',
  needsReboot: true,
  value: z.literal('housekeeping'),
  reads: () => files('/proc/1/status'),
  items: ({ machine }, now) => {
    if (machine.isolated.length === 0) return [withoutIsolated('systemd')];
    const shown = canonical('cpus-allowed', now.files.get('/proc/1/status') ?? '');
    const kept = /^\d/.test(shown) && intersectCpus(parseCpuList(shown), machine.isolated).length === 0;
    return kept
      ? [
          {
            kind: 'check',
            label: 'first process',
            place: { kind: 'file', path: '/proc/1/status' },
            aspect: 'cpus-allowed',
            want: cpuList(machine.housekeeping),
            accept: (cpus) => intersectCpus(parseCpuList(cpus), machine.isolated).length === 0,
          },
        ]
      : [parameter(`systemd.cpu_affinity=${cpuList(machine.housekeeping)}`)];
  },
});
