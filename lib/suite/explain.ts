import type * as z from 'zod';
import { templateIn } from './braces.js';
import { choice, missingKey, show, unknownKey, type Finding } from './findings.js';
import { knownKeys } from './schema-keys.js';
import { locateValue, type Path } from './tree.js';

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

/** The value that is being explained. */
interface Subject {
  readonly root: unknown;
  readonly schema: z.core.$ZodType;
  readonly path: Path;
  readonly value: unknown;
  /** As a message shows it. */
  readonly shown: string;
  /** ` for 'key'`, or nothing. */
  readonly of: string;
}

const steps = (path: readonly PropertyKey[]): Path =>
  path.map((step) => (typeof step === 'symbol' ? String(step) : step));

/** What {@link parseWith} has zod say where a schema has no text of its own: zod's are about JavaScript. */
export const noText = '';

const own = ({ message }: Issue): string | undefined => (message === noText ? undefined : message);

/** What a check of the schema's author says is whole; other texts say what is expected. */
const instead = ({ code }: Issue, value: unknown): string => (code === 'custom' ? '' : `, not ${show(value)}`);

const things: Readonly<Record<string, readonly [string, string]>> = {
  string: [' character', ' characters'],
  array: [' entry', ' entries'],
  set: [' entry', ' entries'],
  map: [' entry', ' entries'],
};

const limited = (word: string, limit: number | bigint, origin: string): string =>
  `${word} ${String(limit)}${things[origin]?.[Number(limit) === 1 ? 0 : 1] ?? ''}`;

const one = ({ path, shown, of }: Subject, expected?: string): Finding[] => [
  {
    path,
    code: 'E_VALUE',
    message: `${shown} does not fit${of}`,
    ...(expected === undefined || expected === '' ? {} : { expected }),
  },
];

/** How much is wrong: keys that are not known are one issue, however many they are. */
const weight = (issues: readonly Issue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0);

/** Of the branches of a union the one that the value was meant for. */
const branch = (errors: readonly (readonly Issue[])[]): readonly Issue[] => {
  const wrongKind = ({ path, code }: Issue) =>
    path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
  const fitting = errors.filter((issues) => !issues.some(wrongKind));
  if (fitting.length === 0) return [];
  return fitting.reduce((least, issues) => (weight(issues) < weight(least) ? issues : least));
};

const expectedBy = (issue: Issue): readonly string[] => {
  if (issue.code === 'invalid_type') return [typeName(issue.expected)];
  return issue.code === 'invalid_value' ? issue.values.map(String) : [];
};

const explainUnion = (issue: z.core.$ZodIssueInvalidUnion, subject: Subject): Finding[] => {
  const { path, root, schema } = subject;
  const meant = branch(issue.errors);
  if (meant.length > 0) return meant.flatMap((inner) => explain(inner, [...path, ...steps(inner.path)], root, schema));
  if (!('options' in issue) || issue.discriminator === undefined)
    return one(subject, [...new Set(issue.errors.flat().flatMap(expectedBy))].join(' or '));
  const place = path.at(-1) === issue.discriminator ? path : [...path, issue.discriminator];
  const tag = locateValue(root, place);
  // A discriminator with a default has undefined among its values.
  const known = issue.options.filter((option) => option !== undefined).map(String);
  if (!tag.there) return [missingKey(place.slice(0, -1), issue.discriminator, choice(undefined, known).expected)];
  const message = `unknown value ${show(tag.value)} for '${issue.discriminator}'`;
  return [{ path: place, code: 'E_VALUE', message, ...choice(tag.value, known) }];
};

const yesNo = /^(yes|no|on|off|y|n)$/i;

type Explainers = {
  readonly [C in Issue['code']]?: (issue: Extract<Issue, { code: C }>, subject: Subject) => Finding[];
};

const explainers: Explainers = {
  invalid_type: ({ expected }, { path, shown, of, value }) => {
    const hint =
      expected === 'boolean' && typeof value === 'string' && yesNo.test(value)
        ? 'YAML 1.2 writes true or false'
        : undefined;
    return [
      {
        path,
        code: 'E_TYPE',
        message: `${shown} is the wrong type${of}`,
        expected: typeName(expected),
        ...(hint === undefined ? {} : { hint }),
      },
    ];
  },
  invalid_value: ({ values }, { path, shown, of, value }) => [
    { path, code: 'E_VALUE', message: `unknown value ${shown}${of}`, ...choice(value, values.map(String)) },
  ],
  too_big: ({ origin, inclusive, maximum }, { path, shown, of }) => [
    {
      path,
      code: 'E_RANGE',
      message: `${shown} is too ${origin === 'string' ? 'long' : 'large'}${of}`,
      expected: limited(inclusive === false ? 'less than' : 'at most', maximum, origin),
    },
  ],
  too_small: ({ origin, inclusive, minimum }, { path, shown, of }) => [
    {
      path,
      code: 'E_RANGE',
      message: `${shown} is too ${origin === 'string' ? 'short' : 'small'}${of}`,
      expected: limited(inclusive === false ? 'more than' : 'at least', minimum, origin),
    },
  ],
  not_multiple_of: ({ divisor }, subject) => one(subject, `a multiple of ${String(divisor)}`),
  invalid_format: ({ format, pattern }, subject) =>
    one(subject, format === 'regex' ? `text like ${pattern ?? ''}` : `a valid ${format}`),
  invalid_union: explainUnion,
  invalid_element: ({ issues }, { path, root, schema }) =>
    issues.flatMap((inner) => explain(inner, path, root, schema)),
};

/** The discriminant tells the explainer's own type of issue, which TypeScript can't follow through the index. */
const explainerOf = <C extends Issue['code']>(
  code: C,
): ((issue: Extract<Issue, { code: C }>, subject: Subject) => Finding[]) | undefined => explainers[code];

const explain = (issue: Issue, path: Path, root: unknown, schema: z.core.$ZodType): Finding[] => {
  const { there, value } = locateValue(root, path);
  const last = path.at(-1);
  if (!there && typeof last === 'string' && issue.code !== 'invalid_union')
    return [missingKey(path.slice(0, -1), last, choice(undefined, expectedBy(issue)).expected)];
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownKey(path, key, knownKeys(schema, path)));
  if (issue.code === 'invalid_key') {
    const said = issue.issues.map(own).find((text) => text !== undefined);
    const message = `'${String(last)}' can't be a name${said === undefined ? '' : `: ${said}`}`;
    return [{ path, at: 'key', code: 'E_NAME', message }];
  }
  const said = own(issue);
  if (said !== undefined) return [{ path, code: 'E_VALUE', message: `${said}${instead(issue, value)}` }];
  const shown = show(value);
  const name = path.findLast((step) => typeof step === 'string');
  const subject: Subject = { root, schema, path, value, shown, of: name === undefined ? '' : ` for '${name}'` };
  return explainerOf(issue.code)?.(issue, subject) ?? one(subject);
};

/** What zod found wrong in `value`, in the words of a suite. */
export const findingsOf = (error: z.core.$ZodError, value: unknown, schema: z.core.$ZodType): Finding[] =>
  error.issues
    .flatMap((issue) => explain(issue, steps(issue.path), value, schema))
    .map((finding) => {
      const written = finding.at === 'key' ? undefined : locateValue(value, finding.path).value;
      return typeof written === 'string' ? { ...finding, ...templateIn(written) } : finding;
    });
