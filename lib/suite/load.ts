import type { HostSpec, WrittenHost } from '../host/spec.js';
import type { PlannedContext, PlannedTest } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import { knownCpus } from './cpus.js';
import type { Diagnostic } from './diagnostic.js';
import { TestEntry, type World } from './expand.js';
import { gather } from './files.js';
import { Mistakes, placeName, type Located, type Site } from './mistakes.js';
import { resolveParams } from './params.js';
import { loadContexts, resolvePlaces } from './places.js';

export interface LoadOptions {
  /** What a suite may name, plug-ins apart. It is not changed. */
  readonly registry: Registry;
  /** Over the defaults of the suite's params: texts as after `--param name=`, or values. */
  readonly params?: Readonly<Record<string, unknown>>;
  /** For `${env:NAME}`. Default: the process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
}

/** A suite that was found right, generated tests included. */
export interface LoadedSuite {
  readonly name: string;
  readonly file: string;
  /** Of the text of all its files. */
  readonly sha256: string;
  /** With what its plug-ins define. */
  readonly registry: Registry;
  /** How many tests that share no machine may run at once. */
  readonly parallel: number;
  readonly hosts: ReadonlyMap<string, HostSpec>;
  /** Hosts as they may be recorded: with `${env:NAME}` where a value is from the environment. */
  readonly writtenHosts: ReadonlyMap<string, WrittenHost>;
  readonly contexts: ReadonlyMap<string, PlannedContext>;
  /** Values that `${env:...}` gave: to be redacted from whatever is recorded or printed. */
  readonly secrets: readonly string[];
  /** Warnings; mistakes are thrown. */
  readonly diagnostics: readonly Diagnostic[];
  /** Made one by one as they are asked for. */
  tests(): Iterable<PlannedTest>;
}

/** Different mistakes that one entry's generated tests may bring; beyond them others are alike. */
const maxKinds = 20;

/** Reports the mistakes of an entry's tests: the same one once, with how many tests it hits. */
const checkEntry = (entry: TestEntry, names: Map<string, Site>, mistakes: Mistakes): void => {
  for (const problem of entry.problems) mistakes.add(problem);
  const hits = new Map<string, { readonly located: Located; readonly first: string; count: number }>();
  let total = 0;
  let duplicates = 0;
  for (const { name, problems } of entry.expand()) {
    total++;
    for (const located of problems) {
      const key = `${located.site.path.join('/')}:${located.finding.path.join('/')}:${located.finding.message}`;
      const known = hits.get(key);
      if (known !== undefined) known.count++;
      else if (hits.size < maxKinds) hits.set(key, { located, first: name, count: 1 });
    }
    const other = names.get(name);
    if (other === undefined) names.set(name, entry.site);
    else if (name !== '' && ++duplicates === 1) {
      const site = { tree: entry.site.tree, path: [...entry.site.path, 'name'] };
      const hint =
        other === entry.site
          ? 'two combinations of the matrix give it'
          : `the other is at ${placeName({ tree: other.tree, path: [...other.path, 'name'] })}`;
      mistakes.add({
        site,
        finding: { path: [], code: 'E_DUPLICATE_NAME', message: `test name '${name}' is there twice`, hint },
      });
    }
  }
  for (const { located, first, count } of hits.values())
    mistakes.add(
      located,
      entry.generates
        ? {
            note: `in ${String(count)} of ${String(total)} generated tests${first === '' ? '' : `, first in '${first}'`}`,
          }
        : {},
    );
};

function* testsOf(entries: readonly TestEntry[]): Generator<PlannedTest> {
  for (const entry of entries) for (const { test } of entry.expand()) if (test !== undefined) yield test;
}

/**
 * Reads a suite with all that it includes, loads its plug-ins, and checks everything that can be checked before a host is
 * touched, each generated test included. Throws {@link SuiteError} with all mistakes of all files.
 */
export const loadSuite = async (path: string, options: LoadOptions): Promise<LoadedSuite> => {
  const env = options.env ?? process.env;
  const mistakes = new Mistakes();
  const registry = options.registry.clone();
  const gathered = await gather(path, mistakes, registry, options.signal);
  const { root, sha256, complete } = gathered;
  if (root === undefined) mistakes.throwIfFailed();
  const params = resolveParams(gathered.params, options.params ?? {}, env, path, complete, mistakes);
  await loadContexts(gathered, registry);
  const places = resolvePlaces(gathered, params, env, registry, mistakes);
  const { hosts, contexts, hostNames, contextNames } = places;
  // Knobs are loaded for suites that tune only.
  if (places.tunings.size > 0) {
    const { checkTunings } = await import('./tunings.js');
    await checkTunings(gathered.contexts, places, [...params.secrets, ...places.secrets], mistakes);
  }
  const cpus = new Map(
    [...contexts.values()].flatMap((context) => {
      const known = knownCpus(context);
      return known === undefined ? [] : [[context.name, known] as const];
    }),
  );
  const world: World = { registry, params, env, defaults: gathered.defaults, hostNames, contextNames, cpus, complete };
  const entries = gathered.tests.map((site) => new TestEntry(site, world));
  const names = new Map<string, Site>();
  for (const entry of entries) checkEntry(entry, names, mistakes);
  const value = (root?.value ?? {}) as { readonly suite?: unknown; readonly parallel?: unknown };
  if (root !== undefined && !Array.isArray(value) && typeof value === 'object') {
    const site = { tree: root, path: [] };
    if (!('suite' in value))
      mistakes.add({
        site,
        finding: {
          path: ['suite'],
          at: 'key',
          code: 'E_MISSING_KEY',
          message: "key 'suite' is missing",
          hint: 'name the suite: suite: my-suite',
        },
      });
    if (complete && entries.length === 0)
      mistakes.add({
        site,
        finding: { path: ['tests'], at: 'key', code: 'E_NO_TESTS', message: 'the suite has no tests' },
      });
  }
  mistakes.throwIfFailed();
  const secrets = [
    ...new Set([...params.secrets, ...places.secrets, ...entries.flatMap((entry) => [...entry.secrets])]),
  ];
  return {
    name: String(value.suite),
    file: path,
    sha256,
    registry,
    parallel: Number(value.parallel ?? 1),
    hosts,
    writtenHosts: places.writtenHosts,
    contexts,
    secrets,
    diagnostics: mistakes.all(),
    tests: () => ({ [Symbol.iterator]: () => testsOf(entries) }),
  };
};
