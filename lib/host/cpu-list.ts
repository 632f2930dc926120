import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';

/** CPUs as a suite names them: `3`, `2-5,8`, `2-`, `all`, `node:1`, and these joined by commas. {@link resolveCpus} gives their numbers. */
export type CpuSelection = string;

/** What {@link resolveCpus} must know of a host; `HostFacts.topology` has it. */
export interface CpuTopology {
  readonly online: readonly number[];
  readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
}

/** The kernel's largest NR_CPUS: a number beyond it is a slip of the pen, not a CPU. */
const maxCpus = 8192;
const ranges = /^(\d+)(?:-(\d+)(?::(\d+)\/(\d+))?)?$/;
const term = String.raw`(?:all|node:\d+|\d+(?:-\d*)?)`;
const selection = new RegExp(String.raw`^\s*${term}\s*(?:,\s*${term}\s*)*$`);

const ascending = (cpus: Iterable<number>): number[] => [...new Set(cpus)].sort((a, b) => a - b);

/** The CPUs of one `2`, `2-5` or `0-31:1/4` (of each 4 the first 1, as in kernel parameters); undefined where it is none. */
const expandRange = (text: string): number[] | undefined => {
  const match = ranges.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  const used = Number(match[3] ?? 1);
  const group = Number(match[4] ?? 1);
  if (last < first || last >= maxCpus || used < 1 || used > group) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index).filter(
    (cpu) => (cpu - first) % group < used,
  );
};

/** Reads a CPU list as the kernel writes it, such as `0-3,8`; ascending, each CPU once. Empty text is no CPU. */
export const parseCpuList = (text: string): readonly number[] => {
  const parts = text.trim() === '' ? [] : text.trim().split(',');
  return ascending(
    parts.flatMap((part) => {
      const cpus = expandRange(part.trim());
      if (cpus === undefined) throw new Kvm4nfvError('E_CPU_LIST', `not a CPU list: '${text.trim()}' (at '${part}')`);
      return cpus;
    }),
  );
};

/** Writes CPUs as `2-5,8`; no CPU is the empty text. */
export const formatCpuList = (cpus: Iterable<number>): string => {
  const runs: { first: number; last: number }[] = [];
  for (const cpu of ascending(cpus)) {
    const run = runs.at(-1);
    if (run?.last === cpu - 1) run.last = cpu;
    else runs.push({ first: cpu, last: cpu });
  }
  return runs.map(({ first, last }) => (first === last ? String(first) : `${String(first)}-${String(last)}`)).join(',');
};

/** Reads a hexadecimal CPU mask as in /proc/irq: groups of 32 bits parted by commas, the highest first. */
export const parseCpuMask = (text: string): readonly number[] => {
  const groups = text.trim().replace(/^0x/i, '').split(',');
  const [first = '', ...rest] = groups;
  if (!/^[0-9a-f]+$/i.test(first) || rest.some((group) => !/^[0-9a-f]{8}$/i.test(group)))
    throw new Kvm4nfvError('E_CPU_LIST', `not a CPU mask: '${text.trim()}'`);
  const digits = Array.from(groups.join('')).reverse();
  return digits.flatMap((digit, index) =>
    [0, 1, 2, 3].filter((bit) => (Number.parseInt(digit, 16) >> bit) & 1).map((bit) => index * 4 + bit),
  );
};

/** Writes CPUs as a hexadecimal mask with a comma after each 32 bits, as /proc/irq and /sys take it; no CPU is `0`. */
export const formatCpuMask = (cpus: Iterable<number>): string => {
  const hex = [...new Set(cpus)].reduce((mask, cpu) => mask | (1n << BigInt(cpu)), 0n).toString(16);
  return hex.replace(/(?<=.)(?=(?:.{8})+$)/g, ',');
};

export const intersectCpus = (a: Iterable<number>, b: Iterable<number>): readonly number[] => {
  const other = new Set(b);
  return ascending(a).filter((cpu) => other.has(cpu));
};

/** The CPUs of `all` that `cpus` does not name. */
export const invertCpus = (cpus: Iterable<number>, all: Iterable<number>): readonly number[] => {
  const without = new Set(cpus);
  return ascending(all).filter((cpu) => !without.has(cpu));
};

/** Whether there may be such CPUs: a range that ends before it begins, or far beyond any machine, is a slip of the pen. */
const mayBe = (part: string): boolean => {
  const open = /^(\d+)-$/.exec(part)?.[1];
  if (open !== undefined) return Number(open) < maxCpus;
  return !/^\d/.test(part) || expandRange(part) !== undefined;
};

const expected = { error: 'expected CPUs such as 2-5,8 or 2- or all or node:1' };

/** The suite's field for CPUs: a number, `2-5,8`, `2-` (from 2 on), `all`, `node:1`, or some of these joined by commas. */
export const cpuSelection = z
  .union(
    [
      z
        .int(expected)
        .min(0, expected)
        .max(maxCpus - 1, expected),
      z
        .string()
        .regex(selection, { ...expected, abort: true })
        .refine((text) => text.split(',').every((part) => mayBe(part.trim())), expected),
    ],
    expected,
  )
  .meta({
    description: 'CPUs: a number, `2-5,8`, `2-` (from 2 on), `all`, `node:1`, or some of these joined by commas.',
    examples: ['2-5,8'],
  })
  .transform((value): CpuSelection => String(value).replaceAll(/\s+/g, ''));

const resolveTerm = (text: string, { online, nodes }: CpuTopology): readonly number[] | undefined => {
  if (text === 'all') return online;
  if (text.startsWith('node:')) return nodes.find(({ id }) => id === Number(text.slice('node:'.length)))?.cpus;
  if (text.endsWith('-')) return online.filter((cpu) => cpu >= Number(text.slice(0, -1)));
  return expandRange(text);
};

/**
 * The CPUs that a selection names on a host, each once, in the order in which it names them: `8,2` is 8 and then 2. Faults
 * as of {@link resolveCpus}.
 */
export const resolveCpusInOrder = (cpus: CpuSelection, topology: CpuTopology): readonly number[] => {
  const said = `CPUs '${cpus}'`;
  const has =
    `online are ${formatCpuList(topology.online)}` +
    (topology.nodes.length < 2
      ? ''
      : ` (${topology.nodes.map(({ id, cpus: own }) => `node ${String(id)}: ${formatCpuList(own)}`).join('; ')})`);
  const hint = `choose among the online CPUs: ${formatCpuList(topology.online)}`;
  const named = cpus.split(',').flatMap((part) => {
    const found = resolveTerm(part.trim(), topology);
    if (found !== undefined) return found;
    throw new Kvm4nfvError(
      'E_NO_CPU',
      part.trim().startsWith('node:')
        ? `${said}: the host has no NUMA ${part.trim().replace(':', ' ')}; ${has}`
        : `${said}: '${part}' is no CPU list`,
      { hint },
    );
  });
  const wanted = [...new Set(named)];
  const missing = invertCpus(topology.online, wanted);
  if (missing.length > 0)
    throw new Kvm4nfvError('E_NO_CPU', `${said}: ${formatCpuList(missing)} not online; ${has}`, { hint });
  if (wanted.length === 0) throw new Kvm4nfvError('E_NO_CPU', `${said} name no CPU of this host; ${has}`, { hint });
  return wanted;
};

/** The CPUs that a selection names on a host, ascending. Fault `environment` where it names none, or others than are online. */
export const resolveCpus = (cpus: CpuSelection, topology: CpuTopology): readonly number[] =>
  ascending(resolveCpusInOrder(cpus, topology));
