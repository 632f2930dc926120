import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { Kvm4nfvError, messageOf } from '../error.js';
import { problemsOf } from '../schema-problems.js';
import type { KnobDefinition } from './knob.js';
import type { TuningParameters } from './machine.js';
import { profileSchema, type Profile, type TuningSpec } from './tuning-schema.js';

/** Where the built-in profiles lie: `profiles/` beside this module, in the built package beside the folder of its chunks. */
export const profilesDirectory =
  ['./profiles/', '../profiles/']
    .map((place) => fileURLToPath(new URL(place, import.meta.url)))
    .find((place) => existsSync(place)) ?? './profiles/';

/** Reads the profiles of a directory, one to a YAML file. A file that is none is a `usage` error naming it. */
export const loadProfiles = async (directory: string = profilesDirectory): Promise<ReadonlyMap<string, Profile>> => {
  const found = (await readdir(directory)).filter((file) => file.endsWith('.yaml')).sort();
  const profiles = await Promise.all(
    found.map(async (file) => {
      const path = join(directory, file);
      try {
        return profileSchema.parse(parse(await readFile(path, 'utf8')));
      } catch (cause) {
        throw new Kvm4nfvError(
          'E_TUNING',
          `${path}: not a profile: ${cause instanceof z.ZodError ? problemsOf(cause) : messageOf(cause)}`,
          { cause },
        );
      }
    }),
  );
  return new Map(profiles.map((profile) => [profile.profile, profile]));
};

export interface ResolvedKnob {
  readonly knob: KnobDefinition;
  readonly value: unknown;
  /** The suite or the command line says so, and not only a profile: what the machine has nothing of is no excuse then. */
  readonly named: boolean;
  /** The value as the profile or the suite writes it. */
  readonly written: unknown;
}

/** A profile with everything inherited and overridden. */
export interface ResolvedTuning {
  readonly profile: string;
  readonly observe: boolean;
  readonly parameters: TuningParameters;
  /** In the order in which they are applied. */
  readonly knobs: readonly ResolvedKnob[];
}

const closest = (name: string, known: Iterable<string>): string => {
  const all = [...known].sort();
  const near = all.filter((candidate) => candidate.startsWith(name.slice(0, 3)));
  return (near.length > 0 ? near : all).join(', ');
};

/** The profile and those it builds on, the deepest first. */
export const lineage = (
  name: string,
  profiles: ReadonlyMap<string, Profile>,
  below: readonly string[] = [],
): Profile[] => {
  if (below.includes(name))
    throw new Kvm4nfvError('E_CIRCLE', `profiles inherit in a circle: ${[...below, name].join(' -> ')}`);
  const profile = profiles.get(name);
  if (profile === undefined)
    throw new Kvm4nfvError('E_UNKNOWN_NAME', `no profile '${name}'`, {
      hint: `There are: ${[...profiles.keys()].sort().join(', ')}.`,
    });
  return [...profile.extends.flatMap((parent) => lineage(parent, profiles, [...below, name])), profile];
};

export interface InheritedKnob {
  readonly value: unknown;
  /** The profile that says so. */
  readonly profile: string;
}

/** All that a {@link lineage} sets; what it keeps as it is, too. */
export const allKnobs = (line: readonly Profile[]): ReadonlyMap<string, InheritedKnob> =>
  new Map(
    line.flatMap(({ profile, knobs }) =>
      Object.entries(knobs).map(([knob, value]) => [knob, { value, profile }] as const),
    ),
  );

/** Parameters that a {@link lineage} can't do without. */
export const requiredBy = (line: readonly Profile[]): readonly (keyof TuningParameters)[] => [
  ...new Set(line.flatMap(({ requires }) => requires)),
];

/** Parameters as options of commands. */
const flags: Readonly<Record<keyof TuningParameters, string>> = {
  isolated_cpus: '--isolated',
  housekeeping_cpus: '--housekeeping',
  node: '--node',
};

/** Puts a profile, what it inherits and what the suite says of it together. Unknown profiles, knobs and values are `usage` errors. */
export const resolveTuning = (
  spec: TuningSpec,
  profiles: ReadonlyMap<string, Profile>,
  knobs: ReadonlyMap<string, KnobDefinition>,
): ResolvedTuning => {
  const line = lineage(spec.profile, profiles);
  const parameters = Object.assign({}, ...line.map((profile) => profile.with), spec.with) as TuningParameters;
  const required = requiredBy(line).find((name) => parameters[name] === undefined);
  const observe = line.at(-1)?.observe === true;
  if (required !== undefined && !observe)
    throw new Kvm4nfvError('E_TUNING', `profile '${spec.profile}' needs the parameter ${required}`, {
      hint: `In a suite: with: { ${required}: 2-5 }; on the command line: ${flags[required]} 2-5.`,
    });
  const values = Object.assign({}, ...line.map((profile) => profile.knobs), spec.knobs) as Readonly<
    Record<string, unknown>
  >;
  for (const name of Object.keys(values))
    if (!knobs.has(name))
      throw new Kvm4nfvError('E_UNKNOWN_NAME', `no knob '${name}'`, {
        hint: `There are: ${closest(name, knobs.keys())}.`,
      });
  const chosen = [...knobs.values()].flatMap((knob): ResolvedKnob[] => {
    const written = values[knob.name];
    if (written === undefined || written === 'keep') return [];
    const parsed = knob.value.safeParse(written);
    if (!parsed.success)
      throw new Kvm4nfvError(
        'E_TUNING',
        `knob '${knob.name}': ${JSON.stringify(written)}: ${problemsOf(parsed.error)}`,
      );
    return [{ knob, value: parsed.data, written, named: !observe && spec.knobs[knob.name] !== undefined }];
  });
  return { profile: spec.profile, observe, parameters, knobs: chosen };
};
