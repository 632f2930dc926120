import * as z from 'zod';
import type { Redactor } from './redact.js';

const kinds = new WeakMap<z.core.$ZodType, 'identifier' | 'label'>();

/** Marks what names something, or is a payload: no part of it is ever taken for a secret. */
export const identifier = <T extends z.ZodType>(schema: T): T => {
  kinds.set(schema, 'identifier');
  return schema;
};

/** Marks texts that tell things apart, such as the labels of metrics. */
export const label = <T extends z.ZodType>(schema: T): T => {
  kinds.set(schema, 'label');
  return schema;
};

type Walk = (value: unknown, hide: Redactor) => unknown;

const asItIs: Walk = (value) => value;

/** Of data whose shape nobody declared every text is free. */
const anything: Walk = (value, hide) => {
  if (typeof value === 'string') return hide.text(value);
  if (Array.isArray(value)) return value.map((item) => anything(item, hide));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, anything(item, hide)]));
};

const ofText = (schema: z.core.$ZodString): Walk => {
  const { format, checks = [] } = schema._zod.def as z.core.$ZodStringDef & { format?: string };
  const formed = checks.some((check) => check._zod.def.check === 'string_format');
  return format !== undefined || formed ? asItIs : (value, hide) => hide.text(String(value));
};

const ofObject = (shape: z.core.$ZodShape): Walk => {
  const walks = new Map(Object.entries(shape).map(([key, schema]) => [key, walkOf(schema)]));
  return (value, hide) =>
    Object.fromEntries(
      Object.entries(value as object).map(([key, item]) => [key, (walks.get(key) ?? anything)(item, hide)]),
    );
};

const ofUnion = ({ options, ...def }: z.core.$ZodUnionDef): Walk => {
  const key = 'discriminator' in def ? String(def.discriminator) : undefined;
  const walks = options.map((schema) => ({ schema, walk: walkOf(schema) }));
  return (value, hide) => {
    // Of a large value one word tells which it is.
    const fits = (schema: z.core.$ZodType): boolean =>
      key === undefined
        ? z.safeParse(schema, value).success
        : z.safeParse((schema as z.ZodObject).shape[key] ?? z.never(), Reflect.get(value as object, key)).success;
    return (walks.find(({ schema }) => fits(schema))?.walk ?? anything)(value, hide);
  };
};

const known = new WeakMap<z.core.$ZodType, Walk>();

const made = (schema: z.core.$ZodType): Walk => {
  const kind = kinds.get(schema);
  if (kind === 'identifier') return asItIs;
  if (kind === 'label') return (value, hide) => hide.label(String(value));
  const { def } = (schema as z.core.$ZodTypes)._zod;
  switch (def.type) {
    case 'string':
      return ofText(schema as z.core.$ZodString);
    case 'unknown':
    case 'any':
      return anything;
    case 'object':
      return ofObject(def.shape);
    case 'array': {
      const each = walkOf(def.element);
      return (value, hide) => (value as readonly unknown[]).map((item) => each(item, hide));
    }
    case 'record': {
      const each = walkOf(def.valueType);
      return (value, hide) =>
        Object.fromEntries(Object.entries(value as object).map(([key, item]) => [key, each(item, hide)]));
    }
    case 'union':
      return ofUnion(def);
    case 'optional':
    case 'nullable':
    case 'default':
    case 'readonly': {
      const inner = walkOf(def.innerType);
      return (value, hide) => (value === undefined || value === null ? value : inner(value, hide));
    }
    default:
      return asItIs;
  }
};

const walkOf = (schema: z.core.$ZodType): Walk => {
  const walk = known.get(schema) ?? made(schema);
  known.set(schema, walk);
  return walk;
};

/**
 * Takes secrets out of data, value by value, as their schema says what they are: free texts lose them; keys, names,
 * numbers, words of a choice, dates and payloads stay, whatever they hold by chance.
 */
export const redactTree = <T>(schema: z.ZodType<T>, value: T, hide: Redactor): T => walkOf(schema)(value, hide) as T;
