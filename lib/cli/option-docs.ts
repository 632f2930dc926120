import * as z from 'zod';
import { formatWritten } from '../report/format.js';
import { renderTable } from '../report/table.js';

/** As much of a JSON Schema as a table of options shows. */
export interface OptionSchema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, OptionSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: OptionSchema;
  readonly anyOf?: readonly OptionSchema[];
  readonly oneOf?: readonly OptionSchema[];
  readonly items?: OptionSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly description?: string;
  readonly examples?: readonly unknown[];
}

export const optionSchema = (schema: z.core.$ZodType): OptionSchema =>
  z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // zod leaves out the defaults of what is parsed further.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === 'prefault' || (def.type === 'default' && typeof def.defaultValue === 'string'))
        jsonSchema.default = def.defaultValue;
    },
  }) as OptionSchema;

const branchesOf = (schema: OptionSchema): readonly OptionSchema[] => schema.oneOf ?? schema.anyOf ?? [schema];

/** Whole numbers without limits of their own have those of JavaScript, which tell nobody anything. */
const limit = (value: number | undefined): string =>
  value === undefined || Math.abs(value) >= Number.MAX_SAFE_INTEGER ? '' : String(value);

const rangeOf = ({ minimum, maximum }: OptionSchema): string => {
  const [least, most] = [limit(minimum), limit(maximum)];
  if (least === '' && most === '') return '';
  return most === '' ? ` from ${least}` : ` ${least}..${most}`;
};

/** What a value may be, in a few words. */
export const valueOf = (schema: OptionSchema): string => {
  if (schema.const !== undefined) return formatWritten(schema.const);
  if (schema.enum !== undefined) return schema.enum.map(String).join(' | ');
  if (schema.examples?.[0] !== undefined) return `such as ${formatWritten(schema.examples[0])}`;
  if (schema.anyOf !== undefined || schema.oneOf !== undefined)
    return [...new Set(branchesOf(schema).map(valueOf))].join(' or ');
  if (schema.items !== undefined) return `list of ${valueOf(schema.items)}`;
  if (schema.type === 'object')
    return schema.propertyNames?.enum === undefined ? 'mapping' : `mapping of ${valueOf(schema.propertyNames)}`;
  return `${[schema.type ?? 'anything'].flat().join(' or ')}${rangeOf(schema)}`;
};

interface OptionRow {
  readonly values: readonly string[];
  readonly default: string;
  readonly descriptions: readonly string[];
}

const shownDefault = (name: string, { default: value }: OptionSchema, { required }: OptionSchema): string => {
  if (value === undefined) return required?.includes(name) === true ? 'required' : '';
  const text = JSON.stringify(value);
  return text === '{}' ? '' : text;
};

/** Options by their place, those of nested mappings and of entries of lists after them; variants of one are put together. */
const collect = (schema: OptionSchema, prefix: string, rows: Map<string, OptionRow>): void => {
  for (const [name, option] of Object.entries(schema.properties ?? {})) {
    const place = `${prefix}${name}`;
    const known = rows.get(place) ?? { values: [], default: shownDefault(name, option, schema), descriptions: [] };
    rows.set(place, {
      ...known,
      values: [...new Set([...known.values, ...valueOf(option).split(' | ')])],
      descriptions: [...new Set([...known.descriptions, option.description ?? []].flat())],
    });
    for (const branch of branchesOf(option)) {
      collect(branch, `${place}.`, rows);
      for (const item of branch.items === undefined ? [] : branchesOf(branch.items)) collect(item, `${place}[].`, rows);
    }
  }
};

const widest = 72;

/** A long choice is cut: JSON has all of it. */
const shownValues = (values: readonly string[]): string => {
  const whole = values.join(' | ');
  if (whole.length <= widest) return whole;
  const [first = '', ...rest] = values;
  if (rest.length === 0) return `${whole.slice(0, widest - 3)}...`;
  const shown = rest.reduce(
    (kept, value) => (kept.length + value.length + 8 > widest ? kept : `${kept} | ${value}`),
    first,
  );
  return `${shown} | ...`;
};

const columns = [{ title: 'option' }, { title: 'value' }, { title: 'default' }, { title: '' }];

/** Whether there is more to say of a value than what kind it is. */
export const hasParts = (schema: OptionSchema): boolean =>
  branchesOf(schema).some(
    ({ properties, items }) => properties !== undefined || (items !== undefined && hasParts(items)),
  );

/** A table of the options of each variant. */
export const optionTables = (schema: OptionSchema): readonly string[] =>
  branchesOf(schema).map((variant) => {
    const rows = new Map<string, OptionRow>();
    collect(variant, '', rows);
    if (rows.size === 0) return 'no options';
    return renderTable(
      columns,
      [...rows].map(([place, { values, default: standard, descriptions }]) =>
        [place, shownValues(values), standard, descriptions.join(' ')].map((text) => ({ text })),
      ),
    );
  });
