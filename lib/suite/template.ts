import { templateIn } from './braces.js';
import { choice, type Finding } from './findings.js';
import type { Path } from './tree.js';

/** Values of params and of a matrix combination by name. */
export type Scope = Readonly<Record<string, unknown>>;

/** What a place of the suite may refer to. */
export interface Vocabulary {
  readonly names: readonly string[];
  /** Undefined: `${env:...}` is refused here, because reports show this text. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Params whose value came from the environment. */
  readonly secret?: ReadonlySet<string>;
}

/** A value of the suite with its `${...}` found. */
export interface Template {
  /** Params and matrix keys that it uses. */
  readonly names: readonly string[];
  /** Values of the environment that it holds: no message may echo them. */
  readonly secrets: ReadonlyMap<string, string>;
  /** Texts as written, by `JSON.stringify(path)`, whose value must not be echoed. */
  readonly secretPlaces: ReadonlyMap<string, string>;
  /** Adds to `findings` what has no value in this scope. */
  evaluate(scope: Scope, findings: Finding[]): unknown;
}

type Piece = string | { readonly name: string; readonly written: string; readonly offset: number };
type Evaluate = (scope: Scope, findings: Finding[]) => unknown;

const placeholder = /\$\$\{|\$\{([^{}$]*)\}|\$\{/g;
const nameForm = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const envForm = /^env:([A-Za-z_][A-Za-z0-9_]*)$/;

/** A matrix or param value inside a text. */
export const textOf = (value: unknown): string | undefined =>
  typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? String(value)
      : undefined;

class Compiler {
  readonly findings: Finding[] = [];
  readonly names = new Set<string>();
  readonly secrets = new Map<string, string>();
  readonly secretPlaces = new Map<string, string>();
  readonly #known: Vocabulary;

  constructor(known: Vocabulary) {
    this.#known = known;
  }

  #piece(inside: string | undefined, written: string, offset: number, path: Path, text: string): Piece {
    const wrong = (message: string, more: Partial<Finding> = {}): string => {
      this.findings.push({ path, offset, code: 'E_SUBSTITUTION', message, ...more });
      return '';
    };
    const template = templateIn(text.slice(offset, offset + 3));
    if (template !== undefined) return wrong(template.message, template);
    if (inside === undefined) return wrong("'${' is not closed", { hint: 'write $${ for a plain ${' });
    const { env } = this.#known;
    const variable = envForm.exec(inside)?.[1];
    if (variable !== undefined) {
      if (env === undefined)
        return wrong(
          `'${written}' can't be used here: values of the environment are secret, and reports show this text`,
          { hint: 'declare a param and give it with --param' },
        );
      this.secretPlaces.set(JSON.stringify(path), text);
      const value = Object.hasOwn(env, variable) ? env[variable] : undefined;
      if (value === undefined)
        return wrong(`environment variable '${variable}' is not set`, {
          code: 'E_ENV',
          ...choiceHint(variable, Object.keys(env)),
        });
      if (value !== '') this.secrets.set(value, written);
      return value;
    }
    if (!nameForm.test(inside))
      return wrong(`'${written}' is no param, matrix key or environment variable`, {
        hint: 'write ${name} or ${env:NAME}; $${ stands for a plain ${',
      });
    if (!this.#known.names.includes(inside))
      return wrong(
        `unknown name '${inside}' in '${written}'`,
        this.#known.names.length === 0
          ? { expected: 'a declared param or matrix key; there is none' }
          : choice(inside, this.#known.names),
      );
    if (this.#known.secret?.has(inside) === true) {
      if (env === undefined)
        return wrong(
          `'${written}' can't be used here: its value is from the environment, so it is secret, and reports show this text`,
        );
      this.secretPlaces.set(JSON.stringify(path), text);
    }
    this.names.add(inside);
    return { name: inside, written, offset };
  }

  #text(text: string, path: Path): Evaluate | undefined {
    if (!text.includes('${')) return undefined;
    const pieces: Piece[] = [];
    let end = 0;
    for (const match of text.matchAll(placeholder)) {
      pieces.push(
        text.slice(end, match.index),
        match[0] === '$${' ? '${' : this.#piece(match[1], match[0], match.index, path, text),
      );
      end = match.index + match[0].length;
    }
    pieces.push(text.slice(end));
    const filled = pieces.filter((piece) => piece !== '');
    const [only] = filled;
    if (filled.length === 1 && typeof only === 'object') return (scope, findings) => value(scope, only, path, findings);
    if (filled.every((piece) => typeof piece === 'string')) {
      const constant = filled.join('');
      return () => constant;
    }
    return (scope, findings) =>
      filled
        .map((piece) => {
          if (typeof piece === 'string') return piece;
          const known = findings.length;
          const found = value(scope, piece, path, findings);
          const said = textOf(found);
          if (said === undefined && findings.length === known)
            findings.push({
              path,
              offset: piece.offset,
              code: 'E_SUBSTITUTION',
              message: `'${piece.written}' is ${found === null ? 'nothing' : 'a list or a mapping'} and can't be part of a text`,
              hint: 'use it as the whole value',
            });
          return said ?? '';
        })
        .join('');
  }

  /** Undefined where nothing is to be substituted. */
  compile(raw: unknown, path: Path): Evaluate | undefined {
    if (typeof raw === 'string') return this.#text(raw, path);
    if (typeof raw !== 'object' || raw === null) return undefined;
    const parts = (
      Array.isArray(raw) ? raw.map((item, index): [number, unknown] => [index, item]) : Object.entries(raw)
    ).map(([step, item]) => ({ step, item: item as unknown, evaluate: this.compile(item, [...path, step]) }));
    if (parts.every(({ evaluate }) => evaluate === undefined)) return undefined;
    const each = (scope: Scope, findings: Finding[]) =>
      parts.map(({ step, item, evaluate }): [string | number, unknown] => [
        step,
        evaluate === undefined ? item : evaluate(scope, findings),
      ]);
    if (Array.isArray(raw)) return (scope, findings) => each(scope, findings).map(([, item]) => item);
    return (scope, findings) => Object.fromEntries(each(scope, findings));
  }
}

const choiceHint = (word: string, known: readonly string[]): { readonly hint?: string } => {
  const { hint } = choice(word, known);
  return hint === undefined ? {} : { hint };
};

const value = (scope: Scope, piece: Exclude<Piece, string>, path: Path, findings: Finding[]): unknown => {
  if (Object.hasOwn(scope, piece.name)) return scope[piece.name];
  findings.push({
    path,
    offset: piece.offset,
    code: 'E_MATRIX',
    message: `'${piece.written}' has no value in this combination of the matrix`,
    hint: 'give it one in this entry of `include`',
  });
  return undefined;
};

/**
 * Finds `${param}`, `${matrix key}` and `${env:NAME}` in the texts of plain data; `$${` is a plain `${`. A text that is
 * one `${name}` and nothing else takes the value with its type. Values are put in once: what they contain is not looked
 * at again, and nothing is evaluated.
 */
export const compileTemplate = (raw: unknown, known: Vocabulary, findings: Finding[]): Template => {
  const compiler = new Compiler(known);
  const evaluate = compiler.compile(raw, []);
  findings.push(...compiler.findings);
  return {
    names: [...compiler.names],
    secrets: compiler.secrets,
    secretPlaces: compiler.secretPlaces,
    evaluate: evaluate ?? (() => raw),
  };
};
