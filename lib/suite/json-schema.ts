import * as z from 'zod';
import type { Definition, Registry } from '../run/registry.js';
import { without } from './record.js';
import { contextSchema, fileSchema, runnerSchema, testSchema } from './schema.js';

export type Json = Record<string, unknown>;

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value: unknown): Json => (isObject(value) ? value : {});

/** Each object of a JSON Schema, changed from the leaves up. */
const mapped = (value: unknown, change: (schema: Json) => Json): unknown => {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change));
  if (!isObject(value)) return value;
  return change(Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapped(item, change)])));
};

const placeholder = { type: 'string', pattern: '\\$\\{' };

/** What a text with `${...}` can stand for: everything that is not free text or open already. */
const isClosed = (schema: Json): boolean => {
  const { type } = schema;
  if (type === 'string')
    return 'pattern' in schema || 'enum' in schema || 'const' in schema || 'format' in schema || 'maxLength' in schema;
  return typeof type === 'string' || 'enum' in schema || 'const' in schema;
};

/** Lets a text with `${...}` stand where a value of another form is asked for. */
const substitutable = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(substitutable);
  if (!isObject(value)) return value;
  const inner: Json = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === 'properties')
      inner[key] = Object.fromEntries(Object.entries(object(item)).map(([name, one]) => [name, substitutable(one)]));
    else if (['items', 'additionalProperties', 'anyOf', 'oneOf', 'allOf', 'prefixItems'].includes(key))
      inner[key] = substitutable(item);
    else inner[key] = item;
  }
  if (!isClosed(inner)) return inner;
  const { title, description, default: standard, examples, ...rest } = inner;
  const kept = Object.fromEntries(
    Object.entries({ title, description, default: standard, examples }).filter(([, item]) => item !== undefined),
  );
  return { ...kept, anyOf: [rest, placeholder] };
};

class Generator {
  readonly $defs: Json = {};

  /** The JSON Schema of what is written in YAML; its own definitions are moved to the root under a prefix. */
  schema(schema: z.ZodType, prefix: string): Json {
    const written = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', target: 'draft-2020-12' }) as Json;
    const { $defs } = written;
    const json = without(written, '$schema', '$defs', '~standard');
    // zod writes the bounds of a safe integer where a schema has none of its own.
    const bounded = ({ maximum, minimum, ...one }: Json): Json => ({
      ...one,
      ...(minimum === undefined || minimum === Number.MIN_SAFE_INTEGER ? {} : { minimum }),
      ...(maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }),
    });
    const rename = (value: unknown): Json =>
      object(
        mapped(mapped(value, bounded), (one) =>
          typeof one['$ref'] === 'string'
            ? {
                ...one,
                $ref: one['$ref'] === '#' ? `#/$defs/${prefix}` : one['$ref'].replace('#/$defs/', `#/$defs/${prefix}-`),
              }
            : one,
        ),
      );
    for (const [name, definition] of Object.entries(object($defs)))
      this.$defs[`${prefix}-${name}`] = substitutable(rename(definition));
    return rename(json);
  }

  /** The options of a definition with the keys that the suite adds to them. */
  options({ kind, type, summary, options }: Definition, common: z.ZodType): string {
    const name = `${kind}-${type}`;
    const { properties } = this.schema(common, kind);
    const added = { ...object(properties), type: { const: type, description: summary } };
    const own = this.schema(options, name);
    this.$defs[name] = { description: summary, ...this.#merge(own, added) };
    return `#/$defs/${name}`;
  }

  #merge(own: Json, added: Json): Json {
    for (const key of ['anyOf', 'oneOf']) {
      const branches = own[key];
      if (Array.isArray(branches))
        return { ...own, [key]: branches.map((branch) => this.#merge(object(branch), added)) };
    }
    const { properties, required } = own;
    const all = Object.fromEntries(
      Object.entries({ ...added, ...object(properties) }).map(([name, one]) => [
        name,
        name === 'type' ? one : substitutable(one),
      ]),
    );
    return {
      ...own,
      type: 'object',
      properties: all,
      required: ['type', ...(Array.isArray(required) ? (required as unknown[]) : [])],
    };
  }
}

/** Chooses by the value of `key`; what no value decides is left to the general schema. */
const byValue = (key: string, cases: readonly (readonly [string, Json])[]): Json[] =>
  cases.map(([value, then]) => ({ if: { properties: { [key]: { const: value } }, required: [key] }, then }));

/** The types as an editor offers them, a substituted one too. */
const choices = (definitions: readonly Definition[]): Json => ({
  anyOf: [...definitions.map(({ type, summary }) => ({ const: type, description: summary })), placeholder],
});

/** The JSON Schema (draft 2020-12) of suite files for all that a registry holds, for completion in editors. */
export const suiteJsonSchema = async (registry: Registry): Promise<Json> => {
  await registry.load();
  const generator = new Generator();
  const file = unwrapped(substitutable(generator.schema(fileSchema, 'suite')));
  const parts = object(file['properties']);
  const contexts = registry.all('context');
  const runners = registry.all('runner');
  const scenarios = registry.all('scenario');
  const context: Json = {
    type: 'object',
    properties: { type: choices(contexts) },
    required: ['type'],
    allOf: byValue(
      'type',
      contexts.map((one) => [one.type, { $ref: generator.options(one, contextSchema) }]),
    ),
  };
  generator.$defs['runner'] = {
    anyOf: [
      {
        type: 'object',
        properties: { type: choices(runners) },
        required: ['type'],
        allOf: byValue(
          'type',
          runners.map((one) => [one.type, { $ref: generator.options(one, runnerSchema) }]),
        ),
      },
      placeholder,
    ],
    description: 'How trials follow one another. Default: one iteration.',
  };
  for (const one of scenarios)
    generator.$defs[`scenario-${one.type}`] = {
      description: one.summary,
      anyOf: [substitutable(generator.schema(one.options, `scenario-${one.type}`)), placeholder],
    };
  const runner = { $ref: '#/$defs/runner' };
  const entry = unwrapped(substitutable(generator.schema(testSchema, 'test')));
  const defaults = unwrapped(parts['defaults']);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'kvm4nfv suite',
    type: 'object',
    properties: {
      ...Object.fromEntries(Object.entries(parts).map(([name, one]) => [name, unwrapped(one)])),
      contexts: { ...unwrapped(parts['contexts']), additionalProperties: context },
      defaults: { ...defaults, properties: { ...object(defaults['properties']), runner } },
      tests: {
        type: 'array',
        items: {
          ...entry,
          properties: { ...object(entry['properties']), scenario: choices(scenarios), runner },
          allOf: byValue(
            'scenario',
            scenarios.map(({ type }) => [type, { properties: { options: { $ref: `#/$defs/scenario-${type}` } } }]),
          ),
        },
      },
    },
    patternProperties: { '^(x-|[.])': {} },
    additionalProperties: false,
    $defs: generator.$defs,
  };
};

/** A schema without the placeholder that stood beside it: for sections of the file as a whole nothing is put in. */
const unwrapped = (schema: unknown): Json => {
  const { anyOf, ...rest } = object(schema);
  return Array.isArray(anyOf) && anyOf.length === 2 && JSON.stringify(anyOf[1]) === JSON.stringify(placeholder)
    ? { ...rest, ...object(anyOf[0]) }
    : object(schema);
};
