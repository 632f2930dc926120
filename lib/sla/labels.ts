import type { Labels } from '../measure/measurement.js';
import { Mistake, shown, type Scanner } from './scanner.js';
import type { Sla } from './statistic.js';

const example = 'such as {cpu=3} or {cpu=2-5,8}';
const mostValues = 10_000;

/** `3`, `2-5`, `eth0`, `"a b"`. */
const valuesOf = (written: string, offset: number): readonly string[] => {
  const [, from, to] = /^(\d{1,9})-(\d{1,9})$/.exec(written) ?? [];
  if (from === undefined || to === undefined) return [written.replace(/^(["'])(.*)\1$/, '$2')];
  const count = Number(to) - Number(from) + 1;
  if (count < 1 || count > mostValues)
    throw new Mistake(`'${written}' is no range of 1 to ${String(mostValues)} values`, offset);
  return Array.from({ length: count }, (_, index) => String(Number(from) + index));
};

const item = /^\s*(?:([A-Za-z_][A-Za-z0-9_]*)\s*=\s*)?("[^"]*"|'[^']*'|[^\s=,{}"']+)\s*/;

/** Reads `{cpu=2-5,8}` where it stands; undefined where nothing of the kind does. */
export const labelSelection = (scan: Scanner): Sla['labels'] => {
  const [other] = /^\s*(\[[^\]]*\]|\(\s*[A-Za-z_]+\s*=[^)]*\)|@\s*\w+)/.exec(scan.rest) ?? [];
  if (other !== undefined)
    throw new Mistake(`unexpected '${other.trim()}'`, scan.offset, `labels are selected with braces, ${example}`);
  if (scan.take(/^\s*\{/) === undefined) return undefined;
  const labels = new Map<string, string[]>();
  let label: string | undefined;
  do {
    const offset = scan.offset;
    const [all = '', name = label, value = ''] = item.exec(scan.rest) ?? [];
    if (all === '' || name === undefined)
      throw new Mistake(`expected a label and its value, not ${shown(scan.rest)}`, offset, example);
    scan.offset += all.length;
    label = name;
    labels.set(name, [...(labels.get(name) ?? []), ...valuesOf(value, offset)]);
  } while (scan.take(/^,/) !== undefined);
  scan.expect(/^\}/, `'}' after the labels, ${example}`);
  return Object.fromEntries([...labels].map(([name, values]) => [name, [...new Set(values)]]));
};

interface Labelled {
  readonly labels: Labels;
}

/** Those that the SLA selects, and what it selects that there is not: `cpu=3`. */
export const select = <T extends Labelled>(
  all: readonly T[],
  selection: Sla['labels'] = {},
): { readonly chosen: readonly T[]; readonly missing: readonly string[] } => {
  const wanted = Object.entries(selection);
  const chosen = all.filter(({ labels }) => wanted.every(([name, values]) => values.includes(labels[name] ?? '')));
  const missing = wanted.flatMap(([name, values]) =>
    values.filter((value) => !chosen.some(({ labels }) => labels[name] === value)).map((value) => `${name}=${value}`),
  );
  return { chosen, missing };
};
