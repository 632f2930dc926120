import { choice, show, type Finding } from './findings.js';
import { readGiven } from './given.js';
import { rawAt, type Located, type Mistakes, type Site } from './mistakes.js';
import { compilePart } from './part.js';
import type { Scope } from './template.js';

export interface Params {
  readonly values: Scope;
  readonly names: readonly string[];
  /** Those whose value is from the environment. */
  readonly secret: ReadonlySet<string>;
  /** As written, for those that are secret: what a result may show. */
  readonly written: Scope;
  /** What `${env:...}` gave. */
  readonly secrets: readonly string[];
}

const kindOf = (value: unknown): string =>
  value === null
    ? 'nothing'
    : Array.isArray(value)
      ? 'a list'
      : typeof value === 'object'
        ? 'a mapping'
        : typeof value === 'string'
          ? 'text'
          : typeof value === 'boolean'
            ? 'true or false'
            : 'a number';

/** A value from the command line in the type of the param's default. */
const given = (
  text: string,
  standard: unknown,
): { readonly value: unknown; readonly wrong?: Omit<Finding, 'path'> } => {
  if (typeof standard === 'string') return { value: text };
  const { value, wrong } = readGiven(text);
  if (wrong !== undefined) return { value, wrong: { code: 'E_PARAM', message: wrong } };
  return standard === null || kindOf(value) === kindOf(standard)
    ? { value }
    : {
        value,
        wrong: {
          code: 'E_PARAM',
          message: `${show(text)} is the wrong type`,
          expected: `${kindOf(standard)}, as its default is`,
        },
      };
};

/** Gives the declared params their values: `overrides` (texts as after --param, or values) go over the defaults. */
export const resolveParams = (
  declared: ReadonlyMap<string, Site>,
  overrides: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
  file: string,
  complete: boolean,
  mistakes: Mistakes,
): Params => {
  const values: Record<string, unknown> = {};
  const written: Record<string, unknown> = {};
  const secret = new Set<string>();
  const secrets: string[] = [];
  for (const [name, site] of declared) {
    const raw = rawAt(site);
    if (Object.hasOwn(overrides, name)) {
      const override = overrides[name];
      const { value, wrong } = typeof override === 'string' ? given(override, raw) : { value: override };
      if (wrong !== undefined) mistakes.addWhole(`--param ${name}`, wrong);
      values[name] = value;
      continue;
    }
    if (raw === null) {
      mistakes.add({
        site,
        finding: {
          path: [],
          at: 'key',
          code: 'E_PARAM',
          message: `param '${name}' has no value`,
          hint: `give it one: --param ${name}=...`,
        },
      });
      continue;
    }
    const problems: Located[] = [];
    const { template } = compilePart(site, { names: [], env }, problems);
    for (const problem of problems) mistakes.add(problem);
    values[name] = template.evaluate({}, []);
    secrets.push(...template.secrets.keys());
    if (template.secretPlaces.size === 0) continue;
    secret.add(name);
    written[name] = raw;
  }
  const names = [...declared.keys()];
  for (const name of Object.keys(overrides))
    if (complete && !declared.has(name))
      mistakes.addWhole(`--param ${name}`, {
        code: 'E_PARAM',
        message: `${file} declares no param '${name}'`,
        ...choice(name, names),
      });
  // A param without a value was reported: reporting each of its uses too would hide the rest.
  for (const name of names) if (!Object.hasOwn(values, name)) values[name] = '';
  return { values, names, secret, written, secrets };
};
