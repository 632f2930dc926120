import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import { renderTable } from '../../report/table.js';
import type { Definition } from '../../run/registry.js';
import type { KnobDefinition } from '../../tuning/knob.js';
import { knobDocs } from '../../tuning/knob-docs.js';
import { builtinKnobs } from '../../tuning/knobs/index.js';
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

const jsonSchema = (definition: Definition): JsonSchema =>
  z.toJSONSchema(definition.options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const valueOf = (schema: JsonSchema): string => {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.examples?.[0] !== undefined) return `such as ${textOf(schema.examples[0])}`;
  const parts = schema.anyOf ?? schema.oneOf;
  if (parts !== undefined) return [...new Set(parts.map(valueOf))].join(' or ');
  if (schema.items !== undefined) return `list of ${valueOf(schema.items)}`;
  return [schema.type ?? 'anything'].flat().join(' or ');
};

const rowsOf = (schema: JsonSchema): OptionDoc[] =>
  Object.entries(schema.properties ?? {}).map(([name, option]) => ({
    name,
    value: valueOf(option),
    default:
      option.default === undefined
        ? schema.required?.includes(name) === true
          ? 'required'
          : ''
        : JSON.stringify(option.default),
    description: option.description ?? '',
  }));

const describe = (definition: Definition): string => {
  const schema = jsonSchema(definition);
  const variants = schema.oneOf ?? schema.anyOf ?? [schema];
  const tables = variants.map((variant) => {
    const rows = rowsOf(variant);
    if (rows.length === 0) return 'no options';
    const columns = [{ title: 'option' }, { title: 'value' }, { title: 'default' }, { title: '' }];
    return renderTable(
      columns,
      rows.map((row) => [row.name, row.value, row.default, row.description].map((text) => ({ text }))),
    );
  });
  return [`${definition.kind} ${definition.type}: ${definition.summary}`, ...tables].join('\n\n');
};

const describeKnob = ({ name, group, summary, why, costs, mend, source }: KnobDefinition): string =>
  [
    `knob ${name} (${group}): ${summary}`,
    `why:    ${why}`,
    `costs:  ${costs}`,
    `mend:   ${mend}`,
    `source: ${source}`,
  ].join('\n');

interface Entry {
  readonly kind: string;
  readonly type: string;
  readonly summary: string;
  readonly describe: () => string;
  readonly json: () => object;
}

const ofDefinition = (definition: Definition): Entry => ({
  kind: definition.kind,
  type: definition.type,
  summary: definition.summary,
  describe: () => describe(definition),
  json: () => ({ options: jsonSchema(definition) }),
});

const ofKnob = (knob: KnobDefinition): Entry => ({
  kind: 'knob',
  type: knob.name,
  summary: knob.summary,
  describe: () => describeKnob(knob),
  json: () => ({
    group: knob.group,
    why: knob.why,
    costs: knob.costs,
    mend: knob.mend,
    source: knob.source,
    options: z.toJSONSchema(knob.value, { io: 'input', unrepresentable: 'any' }),
  }),
});

export interface ListOptions {
  readonly plugin?: readonly string[];
  readonly json: boolean;
  /** The whole documentation of knobs. */
  readonly markdown: boolean;
}

/** The documentation of all knobs, or of one. */
const documented = (type: string | undefined): number => {
  const chosen = builtinKnobs.filter(({ name }) => type === undefined || type === 'knob' || type === name);
  if (chosen.length === 0)
    throw new Kvm4nfvError('usage', `--markdown documents knobs, and '${type ?? ''}' is none`, {
      hint: 'kvm4nfv list knob names them',
    });
  print(knobDocs(chosen));
  return 0;
};

/** `kvm4nfv list`: what a suite can name. */
export const list = async (type: string | undefined, options: ListOptions): Promise<number> => {
  if (options.markdown) return documented(type);
  const registry = await registryWith(options.plugin ?? []);
  await registry.load();
  const all = [
    ...kinds.flatMap((kind): Definition[] => registry.all(kind)).map(ofDefinition),
    ...builtinKnobs.map(ofKnob),
  ];
  const chosen = type === undefined ? all : all.filter((entry) => entry.type === type || entry.kind === type);
  if (chosen.length === 0)
    throw new Kvm4nfvError('usage', `nothing is called '${type ?? ''}'`, {
      hint: `there are: ${all.map((entry) => entry.type).join(', ')}`,
    });
  const one = type !== undefined && chosen.every((entry) => entry.type === type);
  if (options.json)
    printJson(chosen.map(({ kind, type: name, summary, json }) => ({ kind, type: name, summary, ...json() })));
  else if (one) print(chosen.map((entry) => entry.describe()).join('\n\n'));
  else
    print(
      renderTable(
        [{ title: 'kind' }, { title: 'type' }, { title: '' }],
        chosen.map(({ kind, type: name, summary }) => [kind, name, summary].map((text) => ({ text }))),
      ),
    );
  return 0;
};
