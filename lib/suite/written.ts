import type { Params } from './params.js';
import { compileTemplate, type Scope, type Vocabulary } from './template.js';

// Private to Unicode's users, so in no suite: around a variable's name.
const [opening, closing] = ['\u{F0000}', '\u{F0001}'];

const replaced = (value: unknown): unknown => {
  if (typeof value === 'string')
    return value
      .replaceAll('${', () => '$${')
      .replaceAll(opening, '${env:')
      .replaceAll(closing, '}');
  if (Array.isArray(value)) return value.map(replaced);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, replaced(item)]));
};

/** A part of the suite with its params put in, but with `${env:NAME}` for what the environment gives; `$${` is a plain `${`. */
export const asWritten = (
  raw: unknown,
  { values, names, secret, written }: Params,
  env: Vocabulary['env'] = {},
): unknown => {
  const marked = Object.fromEntries(Object.keys(env).map((name) => [name, `${opening}${name}${closing}`]));
  const put = (part: unknown, known: readonly string[], scope: Scope): unknown =>
    compileTemplate(part, { names: known, env: marked }, []).evaluate(scope, []);
  const scope = Object.fromEntries(
    names.map((name) => [name, secret.has(name) ? put(written[name], [], {}) : values[name]]),
  );
  return replaced(put(raw, names, scope));
};
