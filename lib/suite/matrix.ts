import { isDeepStrictEqual } from 'node:util';
import { choice, type Finding } from './findings.js';
import type { Scope } from './template.js';

export interface Matrix {
  readonly lists: ReadonlyMap<string, readonly unknown[]>;
  readonly include: readonly Scope[];
  readonly exclude: readonly Scope[];
}

/** Combinations of one matrix, before `exclude`. */
const maxCombinations = 100_000;

export const noMatrix: Matrix = { lists: new Map(), include: [], exclude: [] };

export const matrixOf = (parsed: {
  readonly include?: readonly Scope[] | undefined;
  readonly exclude?: readonly Scope[] | undefined;
  readonly [key: string]: unknown;
}): Matrix => {
  const lists = new Map<string, readonly unknown[]>();
  for (const [key, list] of Object.entries(parsed))
    if (key !== 'include' && key !== 'exclude' && Array.isArray(list)) lists.set(key, list);
  return { lists, include: parsed.include ?? [], exclude: parsed.exclude ?? [] };
};

export const matrixKeys = ({ lists, include }: Matrix): readonly string[] => [
  ...new Set([...lists.keys(), ...include.flatMap((entry) => Object.keys(entry))]),
];

const agrees = (entry: Scope, combination: Scope, keys: Iterable<string>): boolean => {
  for (const key of keys)
    if (Object.hasOwn(entry, key) && !isDeepStrictEqual(entry[key], combination[key])) return false;
  return true;
};

/** All combinations of the lists, the last key turning fastest. */
function* product(lists: ReadonlyMap<string, readonly unknown[]>): Generator<Scope> {
  const entries = [...lists];
  if (entries.length === 0) return;
  const turn = entries.map(() => 0);
  for (;;) {
    yield Object.fromEntries(entries.map(([key, list], index) => [key, list[turn[index] ?? 0]]));
    let at = entries.length - 1;
    for (; at >= 0; at--) {
      const next = (turn[at] ?? 0) + 1;
      turn[at] = next < (entries[at]?.[1].length ?? 0) ? next : 0;
      if (turn[at] !== 0) break;
    }
    if (at < 0) return;
  }
}

/**
 * The combinations one at a time, by the rules of GitHub Actions: `exclude` goes first; an entry of `include` adds its
 * other keys to each combination that it agrees with, and is a combination of its own where it agrees with none.
 */
export function* combinations({ lists, include, exclude }: Matrix): Generator<Scope> {
  if (lists.size === 0 && include.length === 0) {
    yield {};
    return;
  }
  const keys = [...lists.keys()];
  const used = new Set<Scope>();
  for (const combination of product(lists)) {
    if (exclude.some((entry) => agrees(entry, combination, Object.keys(entry)))) continue;
    let extended = combination;
    for (const entry of include) {
      if (!agrees(entry, combination, keys)) continue;
      used.add(entry);
      extended = { ...extended, ...entry };
    }
    yield extended;
  }
  for (const entry of include) if (!used.has(entry)) yield entry;
}

/** What is wrong with a matrix beyond its form; `params` may not be shadowed. */
export const checkMatrix = (matrix: Matrix, params: readonly string[]): Finding[] => {
  const findings: Finding[] = [];
  const keys = [...matrix.lists.keys()];
  for (const key of keys) {
    if (params.includes(key))
      findings.push({
        path: [key],
        at: 'key',
        code: 'E_DUPLICATE_NAME',
        message: `'${key}' is a param of the suite already`,
        hint: 'give one of them another name',
      });
    if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(key))
      findings.push({
        path: [key],
        at: 'key',
        code: 'E_NAME',
        message: `'${key}' can't be a name`,
        expected: 'letters, digits, dashes and underscores',
      });
  }
  matrix.include.forEach((entry, index) => {
    for (const key of Object.keys(entry))
      if (params.includes(key))
        findings.push({
          path: ['include', index, key],
          at: 'key',
          code: 'E_DUPLICATE_NAME',
          message: `'${key}' is a param of the suite already`,
          hint: 'give one of them another name',
        });
  });
  matrix.exclude.forEach((entry, index) => {
    for (const key of Object.keys(entry))
      if (!keys.includes(key))
        findings.push({
          path: ['exclude', index, key],
          at: 'key',
          code: 'E_MATRIX',
          message: `'${key}' is no key of the matrix`,
          ...choice(key, keys),
        });
    if (Object.keys(entry).length === 0)
      findings.push({ path: ['exclude', index], code: 'E_MATRIX', message: 'an empty entry would exclude everything' });
  });
  const count = [...matrix.lists.values()].reduce((product_, list) => product_ * list.length, 1);
  if (count > maxCombinations)
    findings.push({
      path: [],
      at: 'key',
      code: 'E_MATRIX',
      message: `the matrix has ${String(count)} combinations`,
      expected: `at most ${String(maxCombinations)}`,
    });
  else if (findings.length === 0 && combinations(matrix).next().done === true)
    findings.push({ path: ['exclude'], at: 'key', code: 'E_MATRIX', message: 'nothing is left of the matrix' });
  return findings;
};
