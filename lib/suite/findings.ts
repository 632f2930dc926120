import type * as z from 'zod';
import { nearest } from '../sla/nearest.js';
import { knownKeys } from './schema-keys.js';
import type { Path } from './tree.js';

/** A mistake in plain data: where in it, and what. */
export interface Finding {
  readonly path: Path;
  /** Whether the key or the value at `path` is wrong. Default: the value. */
  readonly at?: 'key' | 'value';
  readonly message: string;
  readonly expected?: string;
  readonly hint?: string;
  /** Characters into the text at `path`. */
  readonly offset?: number;
}

type Issue = z.core.$ZodIssue;

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping (key: value)',
  record: 'a mapping (key: value)',
  array: 'a list',
  null: 'nothing',
};

const typeName = (expected: string): string => typeNames[expected] ?? expected;

/** A value as a message shows it. */
export const show = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return String(value);
  return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`;
};

/** `one of: a, b`, and which of them was probably meant. */
export const choice = (
  word: unknown,
  known: readonly string[],
): { readonly expected?: string; readonly hint?: string } => {
  const meant = typeof word === 'string' ? nearest(word, known) : undefined;
  return {
    ...(known.length === 0 ? {} : { expected: known.length === 1 ? String(known[0]) : `one of: ${known.join(', ')}` }),
    ...(meant === undefined ? {} : { hint: `did you mean '${meant}'?` }),
  };
};

export const unknownKey = (path: Path, key: string, known: readonly string[]): Finding => ({
  path: [...path, key],
  at: 'key',
  message: `unknown key '${key}'`,
  ...choice(key, known),
});

export const missingKey = (path: Path, key: string, expected?: string): Finding => ({
  path: [...path, key],
  at: 'key',
  message: `key '${key}' is missing`,
  ...(expected === undefined ? {} : { expected }),
});

/** What of `value` is at a path; `there` is false where nothing is. */
const at = (value: unknown, path: Path): { readonly there: boolean; readonly value: unknown } => {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step))
      return { there: false, value: undefined };
    here = (here as Readonly<Record<string | number, unknown>>)[step];
  }
  return { there: true, value: here };
};

/** zod's own texts are about JavaScript; a schema's own text is kept. */
const own = (issue: Issue): string | undefined =>
  /^(Invalid|Too (small|big)|Unrecognized|Required)/.test(issue.message) ? undefined : issue.message;

const limitOf = (issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall): string => {
  const [word, limit] =
    issue.code === 'too_big'
      ? [issue.inclusive === false ? 'less than' : 'at most', issue.maximum]
      : [issue.inclusive === false ? 'more than' : 'at least', issue.minimum];
  const things =
    issue.origin === 'string'
      ? ' characters'
      : issue.origin === 'array' || issue.origin === 'set' || issue.origin === 'map'
        ? ' entries'
        : '';
  return `${word} ${String(limit)}${limit === 1 || limit === 1n ? things.replace(/(ie|)s$/, (_, ie: string) => (ie === '' ? '' : 'y')) : things}`;
};

/** Of the branches of a union the one that the value was meant for. */
const branch = (errors: readonly (readonly Issue[])[]): readonly Issue[] => {
  const fitting = errors.filter(
    (issues) =>
      !issues.some(({ path, code }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_value')),
  );
  if (fitting.length === 0) return [];
  return fitting.reduce((least, issues) => (issues.length < least.length ? issues : least));
};

const expectedOfUnion = (errors: readonly (readonly Issue[])[]): string =>
  [
    ...new Set(
      errors
        .flat()
        .flatMap((issue) =>
          issue.code === 'invalid_type'
            ? [typeName(issue.expected)]
            : issue.code === 'invalid_value'
              ? issue.values.map(String)
              : [],
        ),
    ),
  ].join(' or ');

const yesNo = /^(yes|no|on|off|y|n)$/i;

const explain = (issue: Issue, path: Path, value: unknown, schema: z.core.$ZodType): Finding[] => {
  const found = at(value, path);
  const name = path.findLast((step) => typeof step === 'string');
  const last = path.at(-1);
  if (!found.there && typeof last === 'string' && issue.code !== 'invalid_union')
    return [
      missingKey(
        path.slice(0, -1),
        last,
        issue.code === 'invalid_type'
          ? typeName(issue.expected)
          : issue.code === 'invalid_value'
            ? choice(undefined, issue.values.map(String)).expected
            : undefined,
      ),
    ];
  const shown = show(found.value);
  const subject = name === undefined ? '' : ` for '${name}'`;
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey(path, key, knownKeys(schema, path)));
  const said = own(issue);
  if (said !== undefined)
    return [
      { path, message: said.startsWith('expected ') && !said.includes(', not ') ? `${said}, not ${shown}` : said },
    ];
  switch (issue.code) {
    case 'invalid_type': {
      const hint =
        issue.expected === 'boolean' && typeof found.value === 'string' && yesNo.test(found.value)
          ? { hint: 'YAML 1.2 writes true or false' }
          : {};
      return [{ path, message: `${shown} is the wrong type${subject}`, expected: typeName(issue.expected), ...hint }];
    }
    case 'invalid_value':
      return [{ path, message: `unknown value ${shown}${subject}`, ...choice(found.value, issue.values.map(String)) }];
    case 'too_big':
      return [
        {
          path,
          message: `${shown} is too ${issue.origin === 'string' ? 'long' : 'large'}${subject}`,
          expected: limitOf(issue),
        },
      ];
    case 'too_small':
      return [
        {
          path,
          message: `${shown} is too ${issue.origin === 'string' ? 'short' : 'small'}${subject}`,
          expected: limitOf(issue),
        },
      ];
    case 'invalid_union': {
      const meant = branch(issue.errors);
      if (meant.length > 0)
        return meant.flatMap((inner) => explain(inner, [...path, ...steps(inner.path)], value, schema));
      if ('options' in issue && issue.options !== undefined && issue.discriminator !== undefined) {
        const place = last === issue.discriminator ? path : [...path, issue.discriminator];
        const tag = at(value, place);
        const known = issue.options.filter((option) => option !== undefined).map(String);
        if (!tag.there) return [missingKey(place.slice(0, -1), issue.discriminator, choice(undefined, known).expected)];
        return [
          {
            path: place,
            message: `unknown value ${show(tag.value)} for '${issue.discriminator}'`,
            ...choice(tag.value, known),
          },
        ];
      }
      const expected = expectedOfUnion(issue.errors);
      return [{ path, message: `${shown} does not fit${subject}`, ...(expected === '' ? {} : { expected }) }];
    }
    case 'invalid_key':
      return [
        {
          path,
          at: 'key',
          message: `'${String(last)}' can't be a name`,
          expected: (issue.issues[0]?.message ?? 'another name').replace(/^expected /, ''),
        },
      ];
    case 'invalid_element':
      return issue.issues.flatMap((inner) => explain(inner, path, value, schema));
    case 'not_multiple_of':
      return [{ path, message: `${shown} does not fit${subject}`, expected: `a multiple of ${String(issue.divisor)}` }];
    case 'invalid_format':
      return [
        {
          path,
          message: `${shown} does not fit${subject}`,
          expected: issue.format === 'regex' ? `text like ${issue.pattern ?? ''}` : `a valid ${issue.format}`,
        },
      ];
    default:
      return [{ path, message: `${shown} does not fit${subject}` }];
  }
};

const steps = (path: readonly PropertyKey[]): Path =>
  path.map((step) => (typeof step === 'symbol' ? String(step) : step));

/** What zod found wrong in `value`, in the words of a suite. */
export const findingsOf = (error: z.core.$ZodError, value: unknown, schema: z.core.$ZodType): Finding[] =>
  error.issues.flatMap((issue) => explain(issue, steps(issue.path), value, schema));
