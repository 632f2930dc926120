import { hostSchema, type HostSpec, type WrittenHost } from '../host/spec.js';
import type { PlannedContext } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import type { Gathered } from './files.js';
import { unknownKey, unknownReference, type Finding } from './findings.js';
import { below, rawAt, type Located, type Mistakes, type Site } from './mistakes.js';
import { compilePart, conceal, evaluatePart } from './part.js';
import type { Params } from './params.js';
import { parseWith, type Parsed } from './parse.js';
import type { TuningSpec } from '../tuning/tuning-schema.js';
import { contextKeys, contextSchema } from './schema.js';
import { without } from './record.js';
import { asWritten } from './written.js';
import { knownKeys } from './schema-keys.js';
import type { Template, Vocabulary } from './template.js';

export interface Places {
  readonly hosts: ReadonlyMap<string, HostSpec>;
  readonly writtenHosts: ReadonlyMap<string, WrittenHost>;
  readonly contexts: ReadonlyMap<string, PlannedContext>;
  /** Of contexts, those of wrong ones too. */
  readonly tunings: ReadonlyMap<string, TuningSpec>;
  /** Names that may be referred to, those of wrong hosts and contexts included. */
  readonly hostNames: readonly string[];
  readonly contextNames: readonly string[];
  readonly secrets: readonly string[];
}

/** Finds circles of names; ways that were found to end are remembered. */
const circles = (next: (name: string) => string | undefined) => {
  const ending = new Set<string>();
  return (start: string): readonly string[] | undefined => {
    const seen = new Set([start]);
    for (let name = next(start); name !== undefined && !ending.has(name); name = next(name)) {
      if (name === start) return [...seen, start];
      // A circle further on is reported where it is.
      if (seen.has(name)) return undefined;
      seen.add(name);
    }
    for (const name of seen) ending.add(name);
    return undefined;
  };
};

/** What a wrong host or context refers to can be checked all the same. */
const plainText = (raw: unknown): string | undefined =>
  typeof raw === 'string' && !raw.includes('${') ? raw : undefined;

interface ContextHead {
  readonly host: string;
  readonly provision: boolean;
  readonly tuning?: TuningSpec | undefined;
}

/** The common keys and the type's own are parsed apart, so that a type's schema need not know the common ones. */
export const parseContext = (
  input: unknown,
  registry: Registry,
  complete: boolean,
): Parsed<Omit<PlannedContext, 'name' | 'on'> & { readonly on: string }> & {
  readonly tuning: TuningSpec | undefined;
} => {
  const head = parseWith<ContextHead>(contextSchema, input);
  const tuning = head.ok ? head.value.tuning : undefined;
  const written = (input ?? {}) as Readonly<Record<string, unknown>>;
  const { type } = written;
  const own = without(written, ...Object.keys(contextKeys));
  const definition = typeof type === 'string' ? registry.get('context', type) : undefined;
  const findings: Finding[] = head.ok ? [] : [...head.findings];
  if (definition === undefined) {
    const types = registry.types('context');
    if (typeof type === 'string' && type !== '' && complete)
      findings.push(unknownReference(['type'], 'context type', type, types));
    return { ok: false, findings, tuning };
  }
  const options = parseWith(definition.options, own);
  if (!options.ok) {
    const known = [...Object.keys(contextKeys), ...knownKeys(definition.options, [])];
    findings.push(
      ...options.findings.map((finding) =>
        finding.path.length === 1 && finding.code === 'E_UNKNOWN_KEY'
          ? unknownKey([], String(finding.path[0]), known)
          : finding,
      ),
    );
  }
  if (!head.ok || !options.ok) return { ok: false, findings, tuning };
  const { host, provision } = head.value;
  const tuned = tuning === undefined ? {} : { tuning };
  return { ok: true, value: { definition, options: options.value, on: host, provision, ...tuned }, tuning };
};

/** Loads the definitions of the contexts that a suite may have: those it names, or all where a name is substituted. */
export const loadContexts = async ({ contexts }: Gathered, registry: Registry): Promise<void> => {
  for (const site of contexts.values()) await registry.load('context', plainText(rawAt(below(site, 'type'))));
};

const writtenHost = (site: Site, params: Params, env: Vocabulary['env']): WrittenHost => {
  const written = asWritten(rawAt(site), params, env);
  return typeof written === 'object' && written !== null ? (written as WrittenHost) : {};
};

/** Hosts and contexts with everything resolved and each reference checked. */
export const resolvePlaces = (
  gathered: Gathered,
  params: Params,
  env: Vocabulary['env'],
  registry: Registry,
  mistakes: Mistakes,
): Places => {
  const vocabulary: Vocabulary = { names: params.names, secret: params.secret, ...(env === undefined ? {} : { env }) };
  const hosts = new Map<string, HostSpec>([['local', hostSchema.parse({})]]);
  const contexts = new Map<string, PlannedContext>();
  const tunings = new Map<string, TuningSpec>();
  const secrets: string[] = [];
  const templates = new Map<Site, Template>();
  const evaluate = <T>(site: Site, parse: (input: unknown) => Parsed<T>): T | undefined => {
    const problems: Located[] = [];
    const part = compilePart(site, vocabulary, problems);
    templates.set(site, part.template);
    secrets.push(...part.template.secrets.keys());
    const { value, problems: more } = evaluatePart(part, params.values, parse);
    for (const problem of [...problems, ...more]) mistakes.add(problem);
    return value;
  };
  for (const [name, site] of gathered.hosts) {
    const host = evaluate(site, (input) => parseWith(hostSchema, input));
    if (host !== undefined) hosts.set(name, host);
  }
  for (const [name, site] of gathered.contexts) {
    const taken = "a context can't be named 'local': that is this machine";
    if (name === 'local') mistakes.add({ site, finding: { path: [], at: 'key', code: 'E_NAME', message: taken } });
    const context = evaluate(site, (input) => {
      const { tuning, ...parsed } = parseContext(input, registry, gathered.complete);
      if (tuning !== undefined) tunings.set(name, tuning);
      return parsed;
    });
    if (context !== undefined) contexts.set(name, { name, ...context });
  }
  const hostNames = [...new Set(['local', ...gathered.hosts.keys()])];
  const contextNames = [...gathered.contexts.keys()];

  const referrer = (
    key: string,
    kind: string,
    known: readonly string[],
    next: (name: string) => string | undefined,
  ) => {
    const circleFrom = circles(next);
    const names = new Set(known);
    return (site: Site, from: string): void => {
      const name = next(from) ?? plainText(rawAt(below(site, key)));
      if (name === undefined) return;
      const circle = names.has(name) ? circleFrom(from) : undefined;
      const findings: Finding[] = [];
      if (!names.has(name) && gathered.complete) findings.push(unknownReference([key], kind, name, known));
      if (circle !== undefined)
        findings.push({
          path: [key],
          code: 'E_CIRCLE',
          message: `${key} goes round in a circle: ${circle.join(' -> ')}`,
        });
      const template = templates.get(site);
      const said = template === undefined ? findings : conceal(template, findings);
      for (const finding of said) mistakes.add({ site, finding });
    };
  };
  const checkJump = referrer('jump', 'host', hostNames, (name) => hosts.get(name)?.jump);
  for (const [name, site] of gathered.hosts) checkJump(site, name);
  const both = [...hostNames, ...contextNames];
  const checkHost = referrer('host', 'host or context', both, (name) => contexts.get(name)?.on);
  for (const [name, site] of gathered.contexts) checkHost(site, name);
  const writtenHosts = new Map([...gathered.hosts].map(([name, site]) => [name, writtenHost(site, params, env)]));
  return { hosts, writtenHosts, contexts, tunings, hostNames, contextNames, secrets };
};
