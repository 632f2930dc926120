import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import { renderTable } from '../../report/table.js';
import type { Definition } from '../../run/registry.js';
import { print, printJson } from '../output.js';
import { registryWith } from '../suite.js';

const kinds = ['scenario', 'context', 'runner'] as const;

interface OptionDoc {
  readonly name: string;
  readonly value: string;
  readonly default: string;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
}

const jsonSchema = (definition: Definition): JsonSchema => z.toJSONSchema(definition.options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

const valueOf = (schema: JsonSchema): string => {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.examples?.[0] !== undefined) return `such as ${String(schema.examples[0])}`;
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts !== undefined) return [...new Set(parts.map(valueOf))].join(' or ');
  if (schema.items !== undefined) return `list of ${valueOf(schema.items)}`;
  return [schema.type ?? 'anything'].flat().join(' or ');
};

const rowsOf = (schema: JsonSchema): OptionDoc[] =>
  Object.entries(schema.properties ?? {}).map(([name, option]) => ({
    name,
    value: valueOf(option),
    default: option.default === undefined ? (schema.required?.includes(name) === true ? 'required' : '') : JSON.stringify(option.default),
    description: option.description ?? '',
  }));

const describe = (definition: Definition): string => {
  const schema = jsonSchema(definition);
  const variants = schema.oneOf ?? schema.anyOf ?? [schema];
  const tables = variants.map((variant) => {
    const rows = rowsOf(variant);
    if (rows.length === 0) return 'no options';
    const columns = [{ title: 'option' }, { title: 'value' }, { title: 'default' }, { title: '' }];
    return renderTable(columns, rows.map((row) => [row.name, row.value, row.default, row.description].map((text) => ({ text }))));
  });
  return [`${definition.kind} ${definition.type}: ${definition.summary}`, ...tables].join('\n\n');
};

/** `kvm4nfv list`: what a suite can name. */
export const list = async (type: string | undefined, options: { readonly plugin?: readonly string[]; readonly json: boolean }): Promise<number> => {
  const registry = await registryWith(options.plugin ?? []);
  const all: Definition[] = kinds.flatMap((kind): Definition[] => registry.all(kind));
  const chosen = type === undefined ? all : all.filter((definition) => definition.type === type);
  if (chosen.length === 0)
    throw new Kvm4nfvError('usage', `nothing is called '${type ?? ''}'`, { hint: `there are: ${all.map((definition) => definition.type).join(', ')}` });
  if (options.json) printJson(chosen.map((definition) => ({ kind: definition.kind, type: definition.type, summary: definition.summary, options: jsonSchema(definition) })));
  else if (type !== undefined) print(chosen.map(describe).join('\n\n'));
  else print(renderTable([{ title: 'kind' }, { title: 'type' }, { title: '' }], chosen.map((definition) => [definition.kind, definition.type, definition.summary].map((text) => ({ text })))));
  return 0;
};
