import { loadSchema, type LoadSpec } from '../run/load.js';
import type { Registry } from '../run/registry.js';
import type { RunnerDefinition, RunnerSla } from '../run/runner.js';
import type { ScenarioDefinition } from '../run/scenario.js';
import { parseSla, type Sla } from '../sla/sla.js';
import * as z from 'zod';
import { messageOf } from '../error.js';
import { unknownKey, unknownReference, type Finding } from './findings.js';
import { parseWith, type Parsed } from './parse.js';
import { runnerSchema, slaSchema, tagsSchema } from './schema.js';
import { knownKeys } from './schema-keys.js';

export interface PlannedRunner {
  readonly definition: RunnerDefinition;
  readonly options: unknown;
  /** Sets of parameters that it puts over the options, as far as they are known. */
  readonly sets: readonly Readonly<Record<string, unknown>>[];
  readonly slas: readonly RunnerSla[];
}

const fail = (...findings: Finding[]): { readonly ok: false; readonly findings: readonly Finding[] } => ({
  ok: false,
  findings,
});

const text = z.string().min(1);

/** A name that must be among the known ones; where `complete` is false others may exist. */
const reference =
  <T>(kind: string, known: () => readonly string[], find: (name: string) => T | undefined, complete: boolean) =>
  (input: unknown): Parsed<T> => {
    const name = parseWith(text, input);
    if (!name.ok) return fail(...name.findings);
    const value = find(name.value);
    if (value !== undefined) return { ok: true, value };
    return fail(...(complete ? [unknownReference([], kind, name.value, known())] : []));
  };

export const scenarioParser = (
  registry: Registry,
  complete: boolean,
): ((input: unknown) => Parsed<ScenarioDefinition>) =>
  reference(
    'scenario',
    () => registry.types('scenario'),
    (name) => registry.get('scenario', name),
    complete,
  );

export const contextParser = (names: readonly string[], complete: boolean): ((input: unknown) => Parsed<string>) =>
  reference(
    'context',
    () => names,
    (name) => (names.includes(name) ? name : undefined),
    complete,
  );

export const parseTags = (input: unknown): Parsed<readonly string[]> => parseWith(tagsSchema, input);

/** One load or a list of them; hosts are checked against the suite's. */
export const loadParser =
  (places: readonly string[], complete: boolean) =>
  (input: unknown): Parsed<readonly LoadSpec[]> => {
    const list = Array.isArray(input) ? (input as unknown[]) : [input];
    const findings: Finding[] = [];
    const loads: LoadSpec[] = [];
    list.forEach((item, index) => {
      const base = Array.isArray(input) ? [index] : [];
      const parsed = parseWith(loadSchema, item);
      if (!parsed.ok)
        findings.push(...parsed.findings.map((finding) => ({ ...finding, path: [...base, ...finding.path] })));
      else if (complete && parsed.value.host !== undefined && !places.includes(parsed.value.host))
        findings.push(unknownReference([...base, 'host'], 'host or context', parsed.value.host, places));
      else loads.push(parsed.value);
    });
    return findings.length > 0 ? fail(...findings) : { ok: true, value: loads };
  };

/** Sets of parameters beyond which they are not checked one by one beforehand. */
const maxSets = 10_000;

const previewed = (definition: RunnerDefinition, options: unknown): PlannedRunner['sets'] => {
  const sets: Readonly<Record<string, unknown>>[] = [];
  for (const set of definition.preview(options).parameters) {
    if (sets.length >= maxSets) break;
    sets.push(set);
  }
  return sets;
};

export const runnerParser =
  (registry: Registry, complete: boolean) =>
  (input: unknown): Parsed<PlannedRunner> => {
    const head = parseWith(runnerSchema, input);
    if (!head.ok) return fail(...head.findings);
    const { type, ...own } = head.value;
    const definition = registry.get('runner', type);
    if (definition === undefined)
      return fail(...(complete ? [unknownReference(['type'], 'runner', type, registry.types('runner'))] : []));
    const options = parseWith(definition.options, own);
    if (!options.ok) {
      const known = ['type', ...knownKeys(definition.options, [])];
      return fail(
        ...options.findings.map((finding) =>
          finding.path.length === 1 && finding.code === 'E_UNKNOWN_KEY'
            ? unknownKey([], String(finding.path[0]), known)
            : finding,
        ),
      );
    }
    try {
      const sets = previewed(definition, options.value);
      const slas = definition.slas?.(options.value) ?? [];
      return { ok: true, value: { definition, options: options.value, sets, slas } };
    } catch (error) {
      return fail({
        path: [],
        code: 'E_PLUGIN_FAILED',
        message: `runner '${type}' can't be previewed: ${messageOf(error)}`,
      });
    }
  };

/** One SLA or a list of them; undefined stands for a wrong one. */
export const parseSlas = (input: unknown): Parsed<readonly (Sla | undefined)[]> => {
  const list = Array.isArray(input) ? (input as unknown[]) : [input];
  const findings: Finding[] = [];
  const partial = list.map((item, index): Sla | undefined => {
    const written = parseWith(slaSchema, item);
    if (!written.ok) {
      findings.push(
        ...written.findings.map((finding) => ({
          ...finding,
          path: [...(list === input ? [index] : []), ...finding.path],
        })),
      );
      return undefined;
    }
    const { expression, severity } =
      typeof written.value === 'string' ? { expression: written.value, severity: 'fail' as const } : written.value;
    const parsed = parseSla(expression, severity);
    if (parsed.ok) return parsed.sla;
    const { message, offset, hint } = parsed;
    findings.push({
      path: slaPath(input, index),
      code: 'E_SLA',
      message,
      offset,
      ...(hint === undefined ? {} : { hint }),
    });
    return undefined;
  });
  return findings.length > 0 ? { ok: false, findings, partial } : { ok: true, value: partial };
};

/** Where the expression of an SLA is in what is written: one, or a list. */
export const slaPath = (written: unknown, index: number): readonly (string | number)[] => {
  const [item, base] = Array.isArray(written) ? [(written as unknown[])[index], [index]] : [written, []];
  return typeof item === 'string' ? base : [...base, 'expression'];
};
