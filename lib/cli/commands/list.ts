import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import { hostSchema } from '../../host/spec.js';
import { formatWritten } from '../../report/format.js';
import { renderTable } from '../../report/table.js';
import { loadSchema } from '../../run/load.js';
import type { Definition } from '../../run/registry.js';
import { nearest } from '../../sla/nearest.js';
import { without } from '../../suite/record.js';
import { contextKeys, testSchema } from '../../suite/schema.js';
import type { KnobDefinition } from '../../tuning/knob.js';
import { knobDocs } from '../../tuning/knob-docs.js';
import { builtinKnobs } from '../../tuning/knobs/index.js';
import { allKnobs, lineage, loadProfiles, requiredBy } from '../../tuning/profile.js';
import { tuningSchema, type Profile } from '../../tuning/tuning-schema.js';
import { hasParts, optionSchema, optionTables, valueOf } from '../option-docs.js';
import { print, printJson } from '../output.js';
import { registryWith } from '../suite.js';

const kinds = ['scenario', 'context', 'runner'] as const;

/** Keys that every context has beside those of its type. */
const common = z.strictObject(without(contextKeys, 'type'));

const describe = (definition: Definition): string => {
  const tables = optionTables(optionSchema(definition.options));
  const every = definition.kind === 'context' ? ['Of every context:', ...optionTables(optionSchema(common))] : [];
  return [`${definition.kind} ${definition.type}: ${definition.summary}`, ...tables, ...every].join('\n\n');
};

const describeKnob = (knob: KnobDefinition): string => {
  const schema = optionSchema(knob.value);
  const meaning = schema.description === undefined ? '' : `: ${schema.description}`;
  return [
    `knob ${knob.name} (${knob.group}): ${knob.summary}`,
    `value:  ${valueOf(schema)}${meaning}`,
    `why:    ${knob.why}`,
    `costs:  ${knob.costs}`,
    `mend:   ${knob.mend}`,
    `source: ${knob.source}`,
    ...(hasParts(schema) ? ['', ...optionTables({ properties: { [knob.name]: schema } })] : []),
  ].join('\n');
};

const describeProfile = (
  { profile, summary, extends: parents }: Profile,
  profiles: ReadonlyMap<string, Profile>,
): string => {
  const line = lineage(profile, profiles);
  const requires = requiredBy(line);
  const rows = [...allKnobs(line)].map(([knob, { value, profile: from }]) => [knob, formatWritten(value), from]);
  return [
    `profile ${profile}: ${summary}`,
    ...(parents.length === 0 ? [] : [`extends:  ${parents.join(', ')}`]),
    ...(requires.length === 0 ? [] : [`requires: ${requires.join(', ')}`]),
    ...(rows.length === 0
      ? []
      : [
          '',
          renderTable(
            [{ title: 'knob' }, { title: 'value' }, { title: 'of profile' }],
            rows.map((row) => row.map((text) => ({ text }))),
          ),
        ]),
  ].join('\n');
};

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
  json: () => ({ options: optionSchema(definition.options) }),
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
    options: optionSchema(knob.value),
  }),
});

const ofProfile = (profile: Profile, profiles: ReadonlyMap<string, Profile>): Entry => ({
  kind: 'profile',
  type: profile.profile,
  summary: profile.summary,
  describe: () => describeProfile(profile, profiles),
  json: () => without(profile, 'profile', 'summary'),
});

const ofKey = (type: string, summary: string, schema: z.ZodType): Entry => ({
  kind: 'key',
  type,
  summary,
  describe: () => [`key ${type}: ${summary}`, ...optionTables(optionSchema(schema))].join('\n\n'),
  json: () => ({ options: optionSchema(schema) }),
});

/** What a suite has beside scenarios, contexts and runners. */
const keys: readonly Entry[] = [
  ofKey('hosts', 'how a machine is reached', hostSchema),
  ofKey('tuning', 'of a context: profile, parameters, knobs', tuningSchema),
  ofKey('load', 'of a test: what else runs meanwhile', loadSchema),
  ofKey('tests', 'what is measured where, and what is good enough', testSchema),
];

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
    throw new Kvm4nfvError('E_ARGUMENT', `--markdown documents knobs, and '${type ?? ''}' is none`, {
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
  const profiles = await loadProfiles();
  const all = [
    ...kinds.flatMap((kind): Definition[] => registry.all(kind)).map(ofDefinition),
    ...builtinKnobs.map(ofKnob),
    ...[...profiles.values()].map((profile) => ofProfile(profile, profiles)),
    ...keys,
  ];
  const chosen =
    type === undefined ? all : all.filter((entry) => [entry.type, entry.kind, `${entry.kind}s`].includes(type));
  if (type !== undefined && chosen.length === 0) {
    const names = all.map((entry) => entry.type);
    const meant = nearest(type, names);
    throw new Kvm4nfvError('E_UNKNOWN_NAME', `nothing is called '${type}'`, {
      hint: meant === undefined ? 'kvm4nfv list names all that there is' : `did you mean '${meant}'?`,
    });
  }
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
