import { Cache } from './cache.js';
import type { Located, Site } from './mistakes.js';
import type { Parsed } from './parse.js';
import { evaluatePart, type Part } from './part.js';
import type { Scope, Template } from './template.js';

/** A part of a test for one set of values; equal values give the same object, with the same id. */
export interface Outcome<T> {
  readonly id: number;
  readonly input: unknown;
  readonly value: T | undefined;
  readonly problems: readonly Located[];
}

let ids = 0;

export const outcome = <T>(input: unknown, value: T | undefined, problems: readonly Located[] = []): Outcome<T> => ({
  id: ++ids,
  input,
  value,
  problems,
});

/** One part of a test's text, parsed once for each set of the values that it uses. */
export class Stage<T> {
  readonly #part: Part;
  readonly #parse: (input: unknown) => Parsed<T>;
  readonly #cache = new Cache<Outcome<T>>();

  constructor(part: Part, parse: (input: unknown) => Parsed<T>) {
    this.#part = part;
    this.#parse = parse;
  }

  get site(): Site {
    return this.#part.site;
  }

  get template(): Template {
    return this.#part.template;
  }

  /** `partial`: the scope lacks the values of a wrong matrix; what needs them is left out. */
  get(scope: Scope, partial: boolean): Outcome<T> {
    const { names } = this.#part.template;
    const key =
      names.length === 0 ? '' : JSON.stringify(names.map((name) => (Object.hasOwn(scope, name) ? [scope[name]] : [])));
    return this.#cache.get(key, () => {
      if (partial && names.some((name) => !Object.hasOwn(scope, name))) return outcome<T>(undefined, undefined);
      const { input, value, problems } = evaluatePart(this.#part, scope, this.#parse);
      return outcome(input, value, problems);
    });
  }
}
