import type { ContextDefinition } from '../contexts/context.js';
import { Kvm4nfvError } from '../error.js';
import type { RunnerDefinition } from './runner.js';
import type { ScenarioDefinition } from './scenario.js';

export type Definition = ScenarioDefinition | RunnerDefinition | ContextDefinition;
type Kind = Definition['kind'];
type OfKind<K extends Kind> = Extract<Definition, { kind: K }>;

/** The scenarios, runners and contexts that a suite may name: the built-in ones and those of its plug-ins. */
export class Registry {
  readonly #definitions = new Map<string, Definition>();

  constructor(definitions: Iterable<Definition> = []) {
    for (const definition of definitions) this.add(definition);
  }

  /** A definition of the same kind and type must not be there yet. */
  add(definition: Definition, origin = 'built in'): void {
    if ((definition.apiVersion as number) !== 1)
      throw new Kvm4nfvError(
        'usage',
        `${origin}: ${definition.kind} '${definition.type}' has apiVersion ${String(definition.apiVersion)}; this kvm4nfv knows 1`,
      );
    const key = `${definition.kind}:${definition.type}`;
    if (this.#definitions.has(key))
      throw new Kvm4nfvError('usage', `${origin}: ${definition.kind} '${definition.type}' is defined already`);
    this.#definitions.set(key, definition);
  }

  get<K extends Kind>(kind: K, type: string): OfKind<K> | undefined {
    return this.#definitions.get(`${kind}:${type}`) as OfKind<K> | undefined;
  }

  all<K extends Kind>(kind: K): OfKind<K>[] {
    return [...this.#definitions.values()].filter((definition): definition is OfKind<K> => definition.kind === kind);
  }
}
