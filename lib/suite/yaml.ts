import {
  Composer,
  isAlias,
  isScalar,
  isSeq,
  Parser,
  type Alias,
  type CST,
  type Document,
  type Node,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { nearest } from '../sla/nearest.js';
import type { ErrorCode } from '../error.js';
import { templateIn } from './braces.js';
import type { Source } from './source.js';
import type { Span, Tree } from './tree.js';

/** A mistake at a place of one file. */
export interface TextMistake extends Span {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
}

const options = {
  version: '1.2',
  schema: 'core',
  strict: true,
  stringKeys: true,
  merge: false,
  resolveKnownTags: false,
  prettyErrors: false,
  logLevel: 'silent',
  // The library compares each key with each other one; plain() below does it with a set.
  uniqueKeys: false,
} as const;

/** Nobody nests deeper by hand; the composer recurses. */
const maxDepth = 50;
/** Nodes that aliases may add. */
const maxAliased = 10_000;
/** Mistakes of one file beyond which the rest is alike. */
const maxMistakes = 50;
/** A broken line breaks many others: the first mistakes are the telling ones. */
const maxSyntaxMistakes = 5;

const tooDeep = (token: CST.Token): number | undefined => {
  const open: (readonly [CST.Token, number])[] = [[token, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [at, depth] = next;
    if (depth > maxDepth) return at.offset;
    if (at.type === 'document' && at.value !== undefined) open.push([at.value, depth]);
    if (!('items' in at)) continue;
    for (const { key, value } of at.items) {
      if (key) open.push([key, depth + 1]);
      if (value) open.push([value, depth + 1]);
    }
  }
  return undefined;
};

const inFlow = 'inside { } and [ ] a text with ${...} needs quotes: "${...}"';

const syntaxMistakes = (document: Document.Parsed | Document, source: Source): TextMistake[] => {
  const unresolved = document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED');
  const mistakes = document.errors.slice(0, maxSyntaxMistakes).map(({ message, pos: [start, end] }): TextMistake => {
    const lineStart = Math.max(source.text.lastIndexOf('\n', start) + 1, start - 200);
    const template = templateIn(source.text.slice(lineStart, start + 200).split('\n')[0] ?? '');
    if (template !== undefined) return { start, end, ...template };
    const hint = /[{[,]\s*[^"']*\$\{/.test(source.text.slice(lineStart, start + 40)) ? inFlow : undefined;
    return {
      start,
      end,
      code: 'E_YAML',
      message: message.split('\n')[0] ?? message,
      ...(hint === undefined ? {} : { hint }),
    };
  });
  const telling = mistakes.findIndex(({ code, hint }) => hint === inFlow || code === 'E_TEMPLATE');
  if (telling !== -1) mistakes.splice(telling + 1);
  for (const {
    pos: [start, end],
  } of unresolved.slice(0, maxSyntaxMistakes))
    mistakes.push({
      start,
      end,
      code: 'E_YAML_KIND',
      message: `unknown tag '${source.text.slice(start, end)}'`,
      hint: 'a suite is plain YAML: tags that make objects or run code are refused',
    });
  const version = document.directives?.yaml.version ?? '1.2';
  if (version !== '1.2')
    mistakes.push({
      start: 0,
      end: 5,
      code: 'E_YAML_KIND',
      message: `YAML ${version} is asked for`,
      hint: 'suites are YAML 1.2: remove the directive',
    });
  return mistakes;
};

/** Turns nodes into plain data and finds what YAML allows and a suite does not. */
class Conversion {
  readonly mistakes: TextMistake[] = [];
  readonly aliases = new Map<Alias, Node>();
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  /** An alias has no value, so neither has the whole. */
  broken = false;
  #aliased = 0;
  #depth = 0;
  #inAlias = false;

  #mistake(node: Node, code: ErrorCode, message: string, hint?: string): void {
    if (this.mistakes.length >= maxMistakes) return;
    const [start, end] = node.range ?? [0, 0];
    this.mistakes.push({ start, end, code, message, ...(hint === undefined ? {} : { hint }) });
  }

  #fatal(node: Node, code: ErrorCode, message: string, hint?: string): void {
    this.broken = true;
    this.#mistake(node, code, message, hint);
  }

  plain(node: Node | null): unknown {
    if (node === null) return null;
    if (this.#inAlias && ++this.#aliased > maxAliased) {
      if (this.#aliased === maxAliased + 1)
        this.#fatal(
          node,
          'E_YAML_ALIAS',
          `aliases make more than ${String(maxAliased)} values: refused as an alias bomb`,
        );
      return undefined;
    }
    if (isAlias(node)) return this.#alias(node);
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isScalar(node)) return node.value;
    if (this.#depth > maxDepth * 2) {
      this.#fatal(node, 'E_YAML_DEPTH', 'nested too deeply');
      return undefined;
    }
    this.#depth++;
    this.#open.add(node);
    const value = isSeq(node) ? node.items.map((item) => this.plain(item as Node | null)) : this.#map(node);
    this.#open.delete(node);
    this.#depth--;
    return value;
  }

  #alias(node: Alias): unknown {
    const target = this.#anchors.get(node.source);
    if (target === undefined || this.#open.has(target)) {
      const anchors = [...this.#anchors.keys()].slice(0, maxMistakes);
      const meant = target === undefined ? nearest(node.source, anchors) : undefined;
      const what =
        target === undefined
          ? `no anchor '&${node.source}' comes before this alias`
          : `alias '*${node.source}' contains itself`;
      this.#fatal(node, 'E_YAML_ALIAS', what, meant === undefined ? undefined : `did you mean '*${meant}'?`);
      return undefined;
    }
    this.aliases.set(node, target);
    const outer = this.#inAlias;
    this.#inAlias = true;
    const value = this.plain(target);
    this.#inAlias = outer;
    return value;
  }

  #map(map: YAMLMap): Record<string, unknown> {
    const entries = new Map<string, unknown>();
    const merged: (readonly [string, unknown])[] = [];
    for (const { key, value } of map.items) {
      if (!isScalar(key)) continue;
      const name = String(key.value);
      if (entries.has(name) && !this.#inAlias)
        this.#mistake(key, 'E_DUPLICATE_KEY', `key '${name}' is there twice`, 'keep one of them');
      const cut = this.#cutByComma(map, key, value);
      if (cut !== undefined) {
        this.#mistake(
          key,
          'E_QUOTES',
          `the comma before '${name}' ends the value of '${cut.of}'`,
          `write ${cut.of}: '${cut.whole}'`,
        );
        continue;
      }
      if (name === '__proto__') this.#mistake(key, 'E_NAME', "a key can't be named '__proto__'");
      else if (name === '<<') merged.push(...this.#mergedInto(key, value as Node | null));
      else entries.set(name, this.plain(value as Node | null));
    }
    for (const [name, value] of merged) if (!entries.has(name)) entries.set(name, value);
    return Object.fromEntries(entries);
  }

  /** Not part of YAML 1.2, and written all the same: of several mappings the first one counts. */
  #mergedInto(key: Scalar, value: Node | null): readonly (readonly [string, unknown])[] {
    const from = isSeq(value) ? (value.items as (Node | null)[]) : [value];
    return from.flatMap((node) => {
      const data = isAlias(node) ? this.plain(node) : undefined;
      if (typeof data === 'object' && data !== null && !Array.isArray(data)) return Object.entries(data);
      if (!this.broken)
        this.#mistake(key, 'E_YAML_KIND', "'<<' merges aliases of mappings only", 'such as <<: *common');
      return [];
    });
  }

  /** Inside `{ }` a comma ends a value: of `cpus: 2-5,8` the 8 becomes a key without a value. */
  #cutByComma(map: YAMLMap, key: Scalar, value: unknown): { readonly of: string; readonly whole: string } | undefined {
    if (map.flow !== true || value !== null || !/^\d+(?:-\d*)?$/.test(String(key.source ?? key.value)))
      return undefined;
    const index = map.items.findIndex((item) => item.key === key);
    const before = map.items.slice(0, index).findLast((item) => isScalar(item.value));
    if (before === undefined || !isScalar(before.key) || !isScalar(before.value)) return undefined;
    const from = map.items.indexOf(before);
    const rest = map.items
      .slice(from + 1, index + 1)
      .map((item) => (isScalar(item.key) ? String(item.key.source ?? item.key.value) : ''));
    return {
      of: String(before.key.value),
      whole: [before.value.source ?? String(before.value.value), ...rest].join(','),
    };
  }
}

export interface Parsing {
  /** Undefined where the text can't be used at all. */
  readonly tree?: Tree;
  readonly mistakes: readonly TextMistake[];
}

const empty: TextMistake = { start: 0, end: 1, code: 'E_EMPTY', message: 'the file is empty' };

/** What other programs write into a text and should have taken out again. */
const foreignMarks = ({ text }: Source): TextMistake | undefined => {
  const start = text.search(/^<<<<<<<(?: |$)/m);
  if (start === -1 || !/^>>>>>>>(?: |$)/m.test(text)) return undefined;
  return {
    start,
    end: start + 7,
    code: 'E_CONFLICT',
    message: 'an unresolved conflict of git',
    hint: 'choose one of the two, and remove the lines with <<<<<<<, ======= and >>>>>>>',
  };
};

/** Parses YAML 1.2 (core schema, string keys, one document, no tags) with positions. Never throws. */
export const parseYaml = (source: Source): Parsing => {
  const fail = (...mistakes: TextMistake[]): Parsing => ({ mistakes });
  const mark = foreignMarks(source);
  if (mark !== undefined) return fail(mark);
  const tokens = [...new Parser().parse(source.text)];
  for (const token of tokens) {
    const start = tooDeep(token);
    if (start !== undefined)
      return fail({
        start,
        end: start + 1,
        code: 'E_YAML_DEPTH',
        message: `nested deeper than ${String(maxDepth)} levels`,
      });
  }
  const second = tokens.filter(({ type }) => type === 'document')[1];
  if (second !== undefined)
    return fail({
      start: second.offset,
      end: second.offset + 3,
      code: 'E_YAML_KIND',
      message: 'a second document begins here',
      hint: 'a suite file is one YAML document: remove the `---`',
    });
  const document = [...new Composer(options).compose(tokens, true, source.text.length)][0];
  if (document === undefined) return fail(empty);
  const mistakes = syntaxMistakes(document, source);
  if (mistakes.length > 0) return fail(...mistakes);
  const root = document.contents;
  if (root === null || (isScalar(root) && root.value === null)) return fail(empty);
  const conversion = new Conversion();
  const value = conversion.plain(root);
  if (conversion.broken) return fail(...conversion.mistakes);
  return { tree: { source, value, root, aliases: conversion.aliases }, mistakes: conversion.mistakes };
};
