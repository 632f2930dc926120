import type { ContextDefinition } from '../contexts/context.js';
import { Kvm4nfvError } from '../error.js';
import type { RunnerDefinition } from './runner.js';
import type { ScenarioDefinition } from './scenario.js';

export type Definition = ScenarioDefinition | RunnerDefinition | ContextDefinition;
export type Kind = Definition['kind'];
type OfKind<K extends Kind> = Extract<Definition, { kind: K }>;

/** A definition that is only loaded for a suite that names it. */
export interface Announcement<K extends Kind = Kind> {
  readonly kind: K;
  readonly type: string;
  readonly load: () => Promise<OfKind<K>>;
}

/** The scenarios, runners and contexts that a suite may name: the built-in ones and those of its plug-ins. */
export class Registry {
  readonly #entries = new Map<string, Definition | Announcement>();
  readonly #plugins: string[] = [];

  constructor(entries: Iterable<Definition | Announcement> = []) {
    for (const entry of entries) this.add(entry);
  }

  /** One of the same kind and type must not be there yet. */
  add(entry: Definition | Announcement, origin = 'built in'): void {
    const { kind, type } = entry;
    if (!('load' in entry) && (entry.apiVersion as number) !== 1)
      throw new Kvm4nfvError(
        'E_PLUGIN_SHAPE',
        `${origin}: ${kind} '${type}' has apiVersion ${String(entry.apiVersion)}; this kvm4nfv knows 1`,
      );
    const key = `${kind}:${type}`;
    if (this.#entries.has(key))
      throw new Kvm4nfvError('E_PLUGIN_SHAPE', `${origin}: ${kind} '${type}' is defined already`);
    this.#entries.set(key, entry);
  }

  /** Another registry with the same entries: what is added to one is not in the other. */
  clone(): Registry {
    const other = new Registry(this.#entries.values());
    other.#plugins.push(...this.#plugins);
    return other;
  }

  /** Files of the plug-ins whose definitions are here, as absolute paths. */
  get plugins(): readonly string[] {
    return this.#plugins;
  }

  /** Takes over what a plug-in defines. */
  addPlugin(file: string, definitions: readonly Definition[], name: string): void {
    for (const definition of definitions) this.add(definition, `plug-in '${name}'`);
    this.#plugins.push(file);
  }

  /** The types of a kind, whether they are loaded or not. */
  types(kind: Kind): string[] {
    return [...this.#entries.values()].filter((entry) => entry.kind === kind).map(({ type }) => type);
  }

  /** Loads what was announced: that of one kind and type, or everything. A type that nobody announced is no error. */
  async load(kind?: Kind, type?: string): Promise<void> {
    for (const [key, entry] of this.#entries)
      if ('load' in entry && (kind ?? entry.kind) === entry.kind && (type ?? entry.type) === entry.type)
        this.#entries.set(key, await entry.load());
  }

  /** A definition; one that was announced must have been loaded. */
  get<K extends Kind>(kind: K, type: string): OfKind<K> | undefined {
    const entry = this.#entries.get(`${kind}:${type}`);
    return entry === undefined ? undefined : (this.#loaded(entry) as OfKind<K>);
  }

  /** All definitions of a kind; those that were announced must have been loaded. */
  all<K extends Kind>(kind: K): OfKind<K>[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.kind === kind)
      .map((entry) => this.#loaded(entry) as OfKind<K>);
  }

  #loaded(entry: Definition | Announcement): Definition {
    if (!('load' in entry)) return entry;
    throw new Kvm4nfvError('internal', `${entry.kind} '${entry.type}' is asked for and was never loaded`, {
      hint: 'await registry.load() first',
    });
  }
}
