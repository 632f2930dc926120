import { formatCpuList, intersectCpus, invertCpus, parseCpuList } from '../../host/cpu-list.js';
import { isolationOf } from '../../tuning/boot/grammar.js';
import { parameterName, parameterValue, splitCmdline } from '../../tuning/cmdline.js';
import { files, matching } from '../../tuning/reading.js';
import { costOf } from '../costs/here.js';
import { bootLine } from '../distribution.js';
import { findingOf, type Cost, type Finding } from '../finding.js';
import { isolationRequests, kernelIsolation } from '../isolation.js';
import type { Check, Seen } from '../seen.js';

/** CPUs of a kernel parameter: `all`, and `N` for the last CPU, are the kernel's own words. Undefined: it takes none of it. */
const cpusOf = (text: string, possible: readonly number[]): readonly number[] | undefined => {
  if (text === 'all') return possible;
  try {
    return parseCpuList(text.replaceAll(/\bN\b/g, String(possible.at(-1) ?? 0)));
  } catch {
    return undefined;
  }
};

interface Given {
  readonly text: string;
  readonly flags: readonly string[];
  readonly cpus: readonly number[] | undefined;
}

/** Each occurrence of a parameter before ` -- `. */
const givenAs = ({ machine: { cmdline, possible } }: Seen, name: string): Given[] => {
  const tokens = splitCmdline(cmdline);
  const end = tokens.indexOf('--');
  return (end < 0 ? tokens : tokens.slice(0, end))
    .filter((token) => parameterName(token) === name)
    .map((token) => {
      const value = parameterValue(token) ?? '';
      const { flags, cpus } = name === 'isolcpus' ? isolationOf(value) : { flags: [], cpus: value };
      return { text: token, flags, cpus: cpusOf(cpus, possible) };
    });
};

const cost = (seen: Seen, name: string): Cost | undefined => costOf({ name }, seen);

const told = (seen: Seen, knob: string, what: string, costs: string, mend: string): Finding => {
  const own = cost(seen, knob);
  return findingOf({ check: 'cpu-sets', what, costs, ...(own === undefined ? {} : { cost: own }), mend, knob });
};

const list = (cpus: readonly number[]): string => formatCpuList(cpus);

/** A kernel takes the first `isolcpus=` and warns of another one that names other CPUs. */
const twice = (seen: Seen): Finding[] => {
  const [first, ...more] = givenAs(seen, 'isolcpus');
  const other = more.find(({ cpus }) => first !== undefined && list(cpus ?? []) !== list(first.cpus ?? []));
  if (first === undefined || other === undefined) return [];
  const lost = invertCpus(first.cpus ?? [], other.cpus ?? []);
  return [
    told(
      seen,
      'isolcpus',
      `isolcpus= is given twice: the kernel takes ${first.text} and not ${other.text}, so CPUs ${list(lost)} are not isolated`,
      'Tasks come to CPUs that were meant to be free.',
      'Boot with one isolcpus= that names all of them.',
    ),
  ];
};

const withoutEffect = (seen: Seen): Finding[] => {
  const { isolated } = kernelIsolation(seen.now);
  const [first] = givenAs(seen, 'isolcpus');
  if (first?.flags.includes('domain') !== true) return [];
  const missing = invertCpus(isolated, intersectCpus(first.cpus ?? seen.machine.possible, seen.machine.online));
  if (first.cpus !== undefined && missing.length === 0) return [];
  return [
    told(
      seen,
      'isolcpus',
      `it was booted with ${first.text}, but the kernel ${first.cpus === undefined ? 'can not read that as CPUs' : `isolates ${isolated.length === 0 ? 'none' : `only ${list(isolated)}`}`}`,
      'Tasks come to CPUs that were meant to be free.',
      first.cpus === undefined ? 'Write CPUs as 2-5,8.' : 'Look in the kernel log: dmesg | grep -i housekeeping',
    ),
  ];
};

const tick = (seen: Seen): Finding[] => {
  const { isolated, nohzFull } = kernelIsolation(seen.now);
  if (nohzFull.length === 0) return [];
  const off = /(?:^|\s)nohz=(?:off|0|n)(?=\s|$)/i.exec(seen.machine.cmdline)?.[0].trim();
  const ticking = invertCpus(nohzFull, isolated);
  const balanced = isolated.length === 0 ? [] : invertCpus(isolated, nohzFull);
  const boot = (parameters: string[]): string => bootLine(parameters, seen.distribution);
  return [
    ...(off === undefined
      ? []
      : [
          told(
            seen,
            'nohz-full',
            `it was booted with nohz_full= and with ${off}, which takes all effect from it`,
            'The tick goes on, on every CPU.',
            `Boot without ${off}.`,
          ),
        ]),
    ...(ticking.length === 0
      ? []
      : [
          told(
            seen,
            'nohz-full',
            `CPUs ${list(ticking)} are isolated and not in nohz_full (${list(nohzFull)})`,
            'The tick interrupts what runs there, HZ times a second.',
            boot([`nohz_full=${list(isolated)}`]),
          ),
        ]),
    ...(balanced.length === 0
      ? []
      : [
          told(
            seen,
            'isolcpus',
            `CPUs ${list(balanced)} are in nohz_full and not isolated (${list(isolated)})`,
            'Tasks come there, and the tick with them.',
            boot([`isolcpus=managed_irq,domain,${list(nohzFull)}`]),
          ),
        ]),
  ];
};

const threadsOf = ({ now }: Seen): readonly string[] => matching(now, /^\/proc\/\d+\/stat$/).map(({ text }) => text);

/** CPUs whose RCU callbacks are taken from them: nohz_full implies it, and each has a thread. */
const offloaded = (seen: Seen): readonly number[] => {
  const { nohzFull } = kernelIsolation(seen.now);
  const threads = threadsOf(seen).flatMap((stat) => {
    const cpu = /\(rcuo[psc]\/(\d+)\)/.exec(stat)?.[1];
    return cpu === undefined ? [] : [Number(cpu)];
  });
  // A kernel that was built without it passes over the parameter; one with nohz_full has it.
  const able = nohzFull.length > 0 || threads.length > 0;
  return [...nohzFull, ...threads, ...(able ? givenAs(seen, 'rcu_nocbs').flatMap(({ cpus }) => cpus ?? []) : [])];
};

const callbacks = (seen: Seen): Finding[] => {
  const given = givenAs(seen, 'rcu_nocbs').at(-1);
  if (given === undefined) return [];
  const taken = offloaded(seen);
  // In a container the kernel's threads are not to be seen, and nothing follows from that.
  const sees = threadsOf(seen).some((stat) => stat.includes('(ksoftirqd/'));
  if (taken.length === 0 && sees)
    return [
      told(
        seen,
        'rcu-nocbs',
        `it was booted with ${given.text}, but the kernel has no thread that takes RCU callbacks`,
        'Each CPU frees memory for RCU itself, in batches that nobody bounds.',
        'Use a kernel with CONFIG_RCU_NOCB_CPU=y.',
      ),
    ];
  const { isolated } = kernelIsolation(seen.now);
  const missing = invertCpus(taken, isolated);
  if (taken.length === 0 || missing.length === 0) return [];
  return [
    told(
      seen,
      'rcu-nocbs',
      `CPUs ${list(missing)} are isolated and not in ${given.text}`,
      'They free memory for RCU themselves, in batches that nobody bounds.',
      bootLine([`rcu_nocbs=${list(isolated)}`], seen.distribution),
    ),
  ];
};

const bootInterrupts = (seen: Seen): Finding[] => {
  const { isolated } = kernelIsolation(seen.now);
  return ['irqaffinity', 'systemd.cpu_affinity'].flatMap((name) => {
    const given = givenAs(seen, name).at(-1);
    const both = intersectCpus(given?.cpus ?? [], isolated);
    if (given === undefined || both.length === 0) return [];
    const own = `${name}=${list(invertCpus(isolated, seen.machine.online))}`;
    return [
      told(
        seen,
        'irqaffinity',
        `${given.text} names CPUs ${list(both)}, which are isolated`,
        name === 'irqaffinity' ? 'Interrupts start there.' : 'Services may run there.',
        bootLine([own], seen.distribution),
      ),
    ];
  });
};

/** Knobs that are in effect on the CPUs that count, however that came about: nothing more is to be said of them. */
const inEffect = (seen: Seen): string[] => {
  const { isolated } = seen.machine;
  const { isolated: kernel, nohzFull } = kernelIsolation(seen.now);
  if (isolated.length === 0) return [];
  const covers = (cpus: readonly number[]): boolean => invertCpus(cpus, isolated).length === 0;
  const affinity = givenAs(seen, 'irqaffinity').at(-1)?.cpus;
  const away = affinity !== undefined && intersectCpus(affinity, isolated).length === 0;
  return [
    ...(covers(kernel) ? ['isolcpus'] : []),
    ...(covers(nohzFull) ? ['nohz-full'] : []),
    ...(covers(offloaded(seen)) ? ['rcu-nocbs'] : []),
    ...(away ? ['irqaffinity'] : []),
  ];
};

/** What `isolcpus`, `nohz_full`, `rcu_nocbs` and `irqaffinity` say of each other, and what has come of them. */
export const cpuSets: Check = {
  reads: [...isolationRequests, ...files('/proc/[0-9]*/stat')],
  look: (seen) => {
    const findings = [
      ...twice(seen),
      ...withoutEffect(seen),
      ...tick(seen),
      ...callbacks(seen),
      ...bootInterrupts(seen),
    ];
    const named = findings.flatMap(({ knob }) => knob ?? []);
    return { findings, silences: [...new Set([...inEffect(seen), ...named])] };
  },
};
