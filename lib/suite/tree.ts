import { isAlias, isMap, isScalar, isSeq, type Alias, type Node, type Scalar, type YAMLMap } from 'yaml';
import type { Source } from './source.js';

export type Path = readonly (string | number)[];

/** Characters of a source, counted from 0; `end` is behind the last one. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A parsed file: plain data, and for each path in it the place in the text. */
export interface Tree {
  readonly source: Source;
  readonly value: unknown;
  readonly root: Node | null;
  /** What each alias stands for. */
  readonly aliases: ReadonlyMap<Alias, Node>;
}

interface Found {
  readonly key: Scalar | undefined;
  readonly node: Node | null;
}

const spanOf = (node: Node | null | undefined): Span | undefined =>
  node?.range ? { start: node.range[0], end: node.range[1] } : undefined;

/** The last of equal keys, as plain data has it. */
const pairOf = (map: YAMLMap, name: string): Found | undefined => {
  const pair = map.items.findLast(({ key }) => isScalar(key) && String(key.value) === name);
  return pair === undefined ? undefined : { key: pair.key as Scalar, node: (pair.value ?? null) as Node | null };
};

/** In one of the mappings that `<<` puts in. */
const merged = (tree: Tree, map: YAMLMap, step: string | number): Found | undefined => {
  const node = pairOf(map, '<<')?.node ?? null;
  for (const source of isSeq(node) ? (node.items as (Node | null)[]) : [node]) {
    const found = isAlias(source) ? child(tree, source, step) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
};

const child = (tree: Tree, node: Node | null, step: string | number): Found | undefined => {
  const target = isAlias(node) ? tree.aliases.get(node) : node;
  if (isMap(target)) return pairOf(target, String(step)) ?? merged(tree, target, step);
  if (isSeq(target) && typeof step === 'number' && step < target.items.length)
    return { key: undefined, node: target.items[step] as Node | null };
  return undefined;
};

const visible = (tree: Tree, found: Found, prefer: 'key' | 'value'): Span => {
  const value = spanOf(found.node);
  const key = spanOf(found.key);
  const filled = value !== undefined && value.end > value.start ? value : undefined;
  const chosen = prefer === 'key' ? (key ?? filled) : (filled ?? key);
  return chosen ?? value ?? { start: 0, end: tree.source.text.length };
};

/**
 * Where a path is: its value, or its key. Where the path leads nowhere (a missing key, a place inside a substituted
 * value), the key of the nearest thing that is there.
 */
export const locate = (tree: Tree, path: Path, prefer: 'key' | 'value'): Span => {
  let found: Found = { key: undefined, node: tree.root };
  for (const step of path) {
    const next = child(tree, found.node, step);
    if (next === undefined) return visible(tree, found, isScalar(found.node) ? prefer : 'key');
    found = next;
  }
  return visible(tree, found, prefer);
};

/** Where `offset` characters into the text of a scalar are; undefined where escapes or folding make that unknowable. */
export const locateWithin = (tree: Tree, path: Path, value: string, offset: number): Span | undefined => {
  const span = locate(tree, path, 'value');
  const written = tree.source.text.slice(span.start, span.end);
  const quote = /^["']/.test(written) ? 1 : 0;
  if (written.slice(quote, quote + value.length) !== value) return undefined;
  const start = span.start + quote + offset;
  return { start: Math.min(start, Math.max(span.start, span.end - 1)), end: span.end - quote };
};

/** What of plain data is at a path; `there` is false where nothing is. */
export const locateValue = (value: unknown, path: Path): { readonly there: boolean; readonly value: unknown } => {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step))
      return { there: false, value: undefined };
    here = (here as Readonly<Record<string | number, unknown>>)[step];
  }
  return { there: true, value: here };
};

/** The same, where nothing may stand for undefined. */
export const valueAt = (value: unknown, path: Path): unknown => locateValue(value, path).value;
