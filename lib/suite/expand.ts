import type { PlannedTest } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import type { ScenarioDefinition } from '../run/scenario.js';
import type { Sla } from '../sla/sla.js';
import { Cache } from './cache.js';
import { checkRunner, checkSlas, type ScenarioOptions } from './checks.js';
import { lackingCpus } from './cpus.js';
import { compileMatrix } from './entry-matrix.js';
import { choice, missingKey } from './findings.js';
import { combinations, noMatrix, type Matrix } from './matrix.js';
import { below, rawAt, type Located, type Site } from './mistakes.js';
import { testName } from './name.js';
import type { Params } from './params.js';
import { compilePart, conceal, evaluatePart, type Part } from './part.js';
import { parseWith, type Parsed } from './parse.js';
import { outcome, Stage, type Outcome } from './stage.js';
import {
  contextParser,
  loadParser,
  parseSlas,
  parseTags,
  runnerParser,
  scenarioParser,
  type PlannedRunner,
} from './test-parts.js';
import type { Scope, Vocabulary } from './template.js';

/** All that a test may refer to. */
export interface World {
  readonly registry: Registry;
  readonly params: Params;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly defaults: ReadonlyMap<string, Site>;
  readonly hostNames: readonly string[];
  readonly contextNames: readonly string[];
  /** CPUs of contexts, where they are known before the machine is there. */
  readonly cpus: ReadonlyMap<string, readonly number[]>;
  /** False where a file or plug-in is missing, so that unknown names may be in it. */
  readonly complete: boolean;
}

export interface Expanded {
  readonly name: string;
  readonly problems: readonly Located[];
  /** Undefined where there are problems. */
  readonly test: PlannedTest | undefined;
}

const defaultRunner = { type: 'iteration', count: 1 };

/** One entry of `tests`, compiled; {@link expand} makes its tests one at a time. */
export class TestEntry {
  readonly site: Site;
  /** What is wrong with the entry whatever the matrix gives. */
  readonly problems: Located[] = [];
  readonly secrets = new Set<string>();
  readonly #matrix: Matrix;
  /** The matrix is wrong: what uses it is not looked at. */
  readonly #partial: boolean;
  readonly #name: Part;
  readonly #scenario: Stage<ScenarioDefinition> | undefined;
  readonly #context: Stage<string> | undefined;
  readonly #tags: Stage<readonly string[]> | undefined;
  readonly #load: Stage<PlannedTest['load']> | undefined;
  readonly #runner: Stage<PlannedRunner>;
  readonly #sla: Stage<readonly (Sla | undefined)[]> | undefined;
  readonly #options: Part;
  readonly #optionsCache = new Cache<Outcome<ScenarioOptions>>();
  readonly #setsCache = new Cache<readonly Located[]>();
  readonly #slaCache = new Cache<readonly Located[]>();
  /** The params that the entry uses. */
  readonly #base: Scope;
  readonly #shownParams: Scope;
  readonly #slaSite: Site | undefined;
  readonly #cpus: World['cpus'];

  constructor(site: Site, world: World) {
    this.site = site;
    this.#cpus = world.cpus;
    const { params, registry, complete } = world;
    const { matrix, keys, partial } = compileMatrix(below(site, 'matrix'), params, this.problems);
    [this.#matrix, this.#partial] = [matrix, partial];
    const shown: Vocabulary = {
      names: keys.length === 0 ? params.names : [...params.names, ...keys],
      secret: params.secret,
    };
    const hidden: Vocabulary = { ...shown, env: world.env };
    const find = (key: string): Site | undefined => {
      const own = below(site, key);
      return rawAt(own) === undefined ? world.defaults.get(key) : own;
    };
    const parts: Part[] = [];
    const part = (at: Site, vocabulary: Vocabulary): Part => {
      const made = compilePart(at, vocabulary, this.problems);
      for (const secret of made.template.secrets.keys()) this.secrets.add(secret);
      parts.push(made);
      return made;
    };
    const stage = <T>(key: string, parse: (input: unknown) => Parsed<T>, vocabulary = shown): Stage<T> | undefined => {
      const at = find(key);
      return at === undefined ? undefined : new Stage(part(at, vocabulary), parse);
    };
    this.#name = part(below(site, 'name'), shown);
    this.#scenario = stage('scenario', scenarioParser(registry, complete));
    this.#context = stage('context', contextParser(world.contextNames, complete));
    this.#tags = stage('tags', parseTags);
    this.#load = stage('load', loadParser([...world.hostNames, ...world.contextNames], complete), hidden);
    const parseRunner = runnerParser(registry, complete);
    this.#runner =
      stage('runner', parseRunner, hidden) ??
      new Stage(
        { site, broken: false, template: { ...this.#name.template, names: [], evaluate: () => defaultRunner } },
        parseRunner,
      );
    this.#slaSite = find('sla');
    this.#sla = stage('sla', parseSlas);
    this.#options = part(below(site, 'options'), hidden);
    const used = [...new Set(parts.flatMap(({ template }) => template.names))].filter((name) =>
      Object.hasOwn(params.values, name),
    );
    this.#base = Object.fromEntries(used.map((name) => [name, params.values[name]]));
    // A secret one as written: parameters are shown in results.
    this.#shownParams = Object.fromEntries(
      used.map((name) => [name, (params.secret.has(name) ? params.written : params.values)[name]]),
    );
    const { expected: contexts } = choice(undefined, world.contextNames);
    for (const key of ['name', 'scenario', 'context'])
      if (find(key) === undefined)
        this.problems.push({ site, finding: missingKey([], key, key === 'context' ? contexts : undefined) });
  }

  /** Whether the entry generates its tests from a matrix. */
  get generates(): boolean {
    return this.#matrix !== noMatrix;
  }

  *expand(): Generator<Expanded> {
    for (const combination of combinations(this.#matrix)) yield this.#test(combination);
  }

  #test(combination: Scope): Expanded {
    const partial = this.#partial;
    const scope = { ...this.#base, ...combination };
    const problems: Located[] = [];
    const take = <T>(made: Outcome<T> | undefined): T | undefined => {
      if (made !== undefined) for (const problem of made.problems) problems.push(problem);
      return made?.value;
    };
    const name = testName(this.#name, scope, combination, partial, problems);
    const scenario = take(this.#scenario?.get(scope, partial));
    const context = take(this.#context?.get(scope, partial));
    const tags = take(this.#tags?.get(scope, partial));
    const load = take(this.#load?.get(scope, partial));
    const runners = this.#runner.get(scope, partial);
    const runner = take(runners);
    const slas = this.#sla?.get(scope, partial);
    const sla = take(slas);
    if (scenario === undefined) return { name, problems, test: undefined };
    const parsed = this.#parseOptions(scenario, scope);
    const options = take(parsed);
    if (options !== undefined) {
      problems.push(...this.#checkTogether(scenario, { ...parsed, value: options }, runners, slas));
      if (context !== undefined) problems.push(...this.#checkCpus(scenario, options, context));
    }
    if (problems.length > 0 || context === undefined || runner === undefined || options === undefined)
      return { name, problems, test: undefined };
    const test: PlannedTest = {
      name,
      tags: tags ?? [],
      scenario,
      context,
      input: options.input,
      options: options.value,
      parameters: { ...this.#shownParams, ...combination },
      runner: { definition: runner.definition, options: runner.options },
      load: load ?? [],
      sla: (sla ?? []).filter((one) => one !== undefined),
    };
    return { name, problems, test };
  }

  #checkTogether(
    scenario: ScenarioDefinition,
    options: Outcome<ScenarioOptions> & { readonly value: ScenarioOptions },
    runner: Outcome<PlannedRunner>,
    slas: Outcome<readonly (Sla | undefined)[]> | undefined,
  ): readonly Located[] {
    const ids = `${String(options.id)}:${String(runner.id)}`;
    const { value: sets } = runner;
    const ofSets =
      sets === undefined
        ? []
        : this.#setsCache.get(ids, () =>
            checkRunner(this.#runner.site, scenario, options.value, sets, [
              this.#options.template,
              this.#runner.template,
            ]),
          );
    if (slas?.value === undefined) return ofSets;
    const site = this.#slaSite ?? this.site;
    const ofSlas = this.#slaCache.get(`${ids}:${String(slas.id)}`, () =>
      checkSlas(site, scenario, options.value, sets, slas),
    );
    return ofSlas.length === 0 ? ofSets : [...ofSets, ...ofSlas];
  }

  #checkCpus(scenario: ScenarioDefinition, { value }: ScenarioOptions, context: string): readonly Located[] {
    const online = this.#cpus.get(context);
    if (online === undefined || scenario.cpus === undefined) return [];
    const findings = Object.entries(scenario.cpus(value)).flatMap(([key, selection]) =>
      lackingCpus([key], selection, context, online),
    );
    return conceal(this.#options.template, findings).map((finding) => ({ site: this.#options.site, finding }));
  }

  #parseOptions(scenario: ScenarioDefinition, scope: Scope): Outcome<ScenarioOptions> {
    const { names } = this.#options.template;
    const key = `${scenario.type}:${JSON.stringify(names.map((name) => (Object.hasOwn(scope, name) ? [scope[name]] : [])))}`;
    return this.#optionsCache.get(key, () => {
      if (this.#partial && names.some((name) => !Object.hasOwn(scope, name)))
        return outcome<ScenarioOptions>(undefined, undefined);
      const evaluated = evaluatePart(this.#options, scope, (raw) => parseWith(scenario.options, raw ?? {}));
      if (evaluated.value === undefined) return outcome<ScenarioOptions>(undefined, undefined, evaluated.problems);
      const input =
        typeof evaluated.input === 'object' && evaluated.input !== null
          ? (evaluated.input as ScenarioOptions['input'])
          : {};
      return outcome<ScenarioOptions>(undefined, { input, value: evaluated.value });
    });
  }
}
