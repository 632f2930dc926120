import { createHash } from 'node:crypto';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { Kvm4nfvError } from '../error.js';
import type { Registry } from '../run/registry.js';
import { below, placeName, type Mistakes, type Site } from './mistakes.js';
import { parseWith } from './parse.js';
import { loadPlugin } from './plugins.js';
import { isAnchorKey, outlineSchema } from './schema.js';
import { readSource } from './source.js';
import type { Tree } from './tree.js';
import { parseYaml } from './yaml.js';

/** What all files of a suite say together, by name, each with its place. */
export interface Gathered {
  readonly root: Tree | undefined;
  readonly hosts: ReadonlyMap<string, Site>;
  readonly contexts: ReadonlyMap<string, Site>;
  readonly params: ReadonlyMap<string, Site>;
  readonly defaults: ReadonlyMap<string, Site>;
  readonly tests: readonly Site[];
  readonly sha256: string;
  /** False where a file or plug-in could not be used: a name that is not there may be in it. */
  readonly complete: boolean;
}

type Mapping = Readonly<Record<string, unknown>>;
const isMapping = (value: unknown): value is Mapping =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const texts = (value: unknown): readonly (readonly [number, string])[] =>
  Array.isArray(value)
    ? [...value.entries()].filter((entry): entry is [number, string] => typeof entry[1] === 'string' && entry[1] !== '')
    : [];

const suiteKeys = Object.keys(outlineSchema.shape);

/** Whether a text is meant for a suite: most of its keys at the top are; of a broken one the beginnings of lines tell. */
const isSuite = (text: string, value: unknown): boolean => {
  const keys = isMapping(value)
    ? Object.keys(value)
    : Array.from(text.matchAll(/^(?:["']?([\w.-]+)["']?\s*:|\S)/gm), ([, key]) => key ?? '').filter(
        (key) => key !== '',
      );
  const known = keys.filter((key) => suiteKeys.includes(key) || isAnchorKey(key)).length;
  return known > 0 && known >= keys.length - known;
};

/** A person does not include more; a generator gone wild does. */
const maxFiles = 200;

const withoutAnchorKeys = (value: unknown): unknown =>
  isMapping(value) ? Object.fromEntries(Object.entries(value).filter(([key]) => !isAnchorKey(key))) : value;

class Gathering {
  readonly hosts = new Map<string, Site>();
  readonly contexts = new Map<string, Site>();
  readonly params = new Map<string, Site>();
  readonly defaults = new Map<string, Site>();
  readonly tests: Site[] = [];
  readonly hash = createHash('sha256');
  complete = true;
  /** Names of files, each with those of all files that it includes. */
  readonly #subtrees = new Map<string, ReadonlySet<string>>();
  readonly #open: string[] = [];
  readonly #mistakes: Mistakes;
  readonly #registry: Registry;
  readonly #signal: AbortSignal | undefined;

  constructor(mistakes: Mistakes, registry: Registry, signal: AbortSignal | undefined) {
    this.#mistakes = mistakes;
    this.#registry = registry;
    this.#signal = signal;
  }

  async #read(path: string, file: string, from: Site | undefined): Promise<Tree | undefined> {
    const reading = await readSource(path);
    if (!reading.ok) {
      const { code, message, hint } = reading;
      const more = { code, ...(hint === undefined ? {} : { hint }) };
      if (from === undefined && reading.text !== undefined && reading.offset !== undefined)
        this.#mistakes.addSpan(
          { file, text: reading.text },
          { start: reading.offset, end: reading.offset + 1 },
          { message, ...more },
        );
      else if (from === undefined) this.#mistakes.addWhole(file, { message, ...more });
      else this.#mistakes.add({ site: from, finding: { path: [], message: `'${file}': ${message}`, ...more } });
      return undefined;
    }
    this.hash.update(reading.text).update('\0');
    const source = { file, text: reading.text };
    const parsing = parseYaml(source);
    if (from !== undefined && !isSuite(source.text, parsing.tree?.value)) {
      // It may be anything, a key or a password file: none of its lines is shown.
      const hint = `it has none of the keys of a suite, such as ${suiteKeys.slice(3, 6).join(', ')}`;
      this.#mistakes.add({
        site: from,
        finding: { path: [], code: 'E_INCLUDE', message: `'${file}' is no suite file`, hint },
      });
      return undefined;
    }
    for (const mistake of parsing.mistakes) this.#mistakes.addSpan(source, mistake, mistake);
    return parsing.tree;
  }

  /** `from` is the place of the `include` that names the file. */
  async file(path: string, file: string, from?: Site): Promise<Tree | undefined> {
    if (this.#signal?.aborted === true) throw new Kvm4nfvError('interrupted', `${file}: loading was interrupted`);
    if (this.#open.includes(path) && from !== undefined) {
      const circle = [...this.#open.slice(this.#open.indexOf(path)), path].map((one) => this.#names.get(one) ?? one);
      this.#mistakes.add({
        site: from,
        finding: {
          path: [],
          code: 'E_CIRCLE',
          message: `files include each other in a circle: ${circle.join(' -> ')}`,
        },
      });
      return undefined;
    }
    if (this.#subtrees.has(path)) return undefined;
    this.#subtrees.set(path, new Set([file]));
    this.#names.set(path, file);
    if (this.#subtrees.size > maxFiles) {
      this.complete = false;
      if (from !== undefined)
        this.#mistakes.add({
          site: from,
          finding: { path: [], code: 'E_INCLUDE', message: `more than ${String(maxFiles)} files are included` },
        });
      return undefined;
    }
    const tree = await this.#read(path, file, from);
    if (tree === undefined) {
      this.complete = false;
      return undefined;
    }
    this.#open.push(path);
    await this.#contents(path, tree);
    this.#open.pop();
    return tree;
  }

  readonly #names = new Map<string, string>();

  async #contents(path: string, tree: Tree): Promise<void> {
    const top: Site = { tree, path: [] };
    const outline = parseWith(outlineSchema, withoutAnchorKeys(tree.value));
    if (!outline.ok) for (const finding of outline.findings) this.#mistakes.add({ site: top, finding });
    const raw = isMapping(tree.value) ? tree.value : {};
    const { file } = tree.source;
    for (const [index, name] of texts(raw['plugins'])) {
      const mistake = await loadPlugin(name, dirname(path), this.#registry);
      if (mistake === undefined) continue;
      this.complete = false;
      this.#mistakes.add({ site: below(top, 'plugins', index), finding: { path: [], ...mistake } });
    }
    const subtree = new Set([file]);
    for (const [index, name] of texts(raw['include'])) {
      const included = resolve(dirname(path), name);
      await this.file(included, isAbsolute(name) ? name : join(dirname(file), name), below(top, 'include', index));
      for (const one of this.#subtrees.get(included) ?? []) subtree.add(one);
    }
    this.#subtrees.set(path, subtree);
    this.#merge(top, raw, subtree);
  }

  #merge(top: Site, raw: Mapping, subtree: ReadonlySet<string>): void {
    const section = (key: string): Mapping => (isMapping(raw[key]) ? raw[key] : {});
    for (const [key, all] of [
      ['hosts', this.hosts],
      ['contexts', this.contexts],
    ] as const)
      for (const [name, value] of Object.entries(section(key)))
        if (isMapping(value)) this.#unique(all, name, below(top, key, name), key.slice(0, -1));
    for (const [key, all] of [
      ['params', this.params],
      ['defaults', this.defaults],
    ] as const)
      for (const name of Object.keys(section(key))) {
        const site = below(top, key, name);
        const first = all.get(name);
        if (first === undefined || subtree.has(first.tree.source.file)) all.set(name, site);
        else
          this.#mistakes.add({
            site,
            finding: {
              path: [],
              at: 'key',
              code: 'E_DUPLICATE_NAME',
              message: `${key}: '${name}' is given by two files that don't include each other`,
              hint: `the other is at ${placeName(first)}; give it in the file that includes both`,
            },
          });
      }
    const tests = raw['tests'];
    if (Array.isArray(tests))
      tests.forEach((test, index) => isMapping(test) && this.tests.push(below(top, 'tests', index)));
  }

  #unique(all: Map<string, Site>, name: string, site: Site, kind: string): void {
    const first = all.get(name) ?? (kind === 'context' ? this.hosts : this.contexts).get(name);
    if (first === undefined) all.set(name, site);
    else
      this.#mistakes.add({
        site,
        finding: {
          path: [],
          at: 'key',
          code: 'E_DUPLICATE_NAME',
          message: `${kind} '${name}': the name is taken`,
          hint: `the other is at ${placeName(first)}`,
        },
      });
  }
}

/** Reads a suite file, its plug-ins and all files that it includes. What is wrong goes to `mistakes`. */
export const gather = async (
  path: string,
  mistakes: Mistakes,
  registry: Registry,
  signal?: AbortSignal,
): Promise<Gathered> => {
  const gathering = new Gathering(mistakes, registry, signal);
  const root = await gathering.file(resolve(path), path);
  const { hosts, contexts, params, defaults, tests, complete } = gathering;
  return { root, hosts, contexts, params, defaults, tests, complete, sha256: gathering.hash.digest('hex') };
};
