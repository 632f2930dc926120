import type * as z from 'zod';
import type { Path } from './tree.js';

type Schema = z.core.$ZodType;

/** The schemas that stand for `schema` once wrappers are taken off; several for a union. */
const bare = (schema: Schema): readonly z.core.$ZodTypes[] => {
  const typed = schema as z.core.$ZodTypes;
  const { def } = typed._zod;
  switch (def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'nonoptional':
    case 'catch':
    case 'readonly':
      return bare(def.innerType);
    case 'pipe':
      return bare(def.in);
    case 'lazy':
      return bare(def.getter());
    case 'union':
      return def.options.flatMap(bare);
    case 'intersection':
      return [...bare(def.left), ...bare(def.right)];
    default:
      return [typed];
  }
};

const inner = (schema: z.core.$ZodTypes, step: string | number): readonly Schema[] => {
  const { def } = schema._zod;
  if (def.type === 'object') return Object.hasOwn(def.shape, String(step)) ? [def.shape[String(step)] as Schema] : [];
  if (def.type === 'record') return [def.valueType];
  if (def.type === 'array') return [def.element];
  return [];
};

/** Keys that a mapping at `path` may have, as far as the schema tells. */
export const knownKeys = (schema: Schema, path: Path): readonly string[] => {
  let at: readonly z.core.$ZodTypes[] = bare(schema);
  for (const step of path) at = at.flatMap((one) => inner(one, step)).flatMap(bare);
  return [...new Set(at.flatMap(({ _zod: { def } }) => (def.type === 'object' ? Object.keys(def.shape) : [])))];
};
