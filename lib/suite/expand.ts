import type { PlannedTest } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import type { ScenarioDefinition } from '../run/scenario.js';
import { checkSla, type Sla } from '../sla/sla.js';
import { messageOf } from '../error.js';
import { Cache } from './cache.js';
import type { Finding } from './findings.js';
import { checkMatrix, combinations, matrixKeys, matrixOf, noMatrix, type Matrix } from './matrix.js';
import { below, rawAt, type Located, type Site } from './mistakes.js';
import { testName } from './name.js';
import type { Params } from './params.js';
import { compilePart, evaluatePart, type Part } from './part.js';
import { parseWith, type Parsed } from './parse.js';
import { matrixSchema } from './schema.js';
import { outcome, Stage, type Outcome } from './stage.js';
import {
  contextParser,
  loadParser,
  parseSlas,
  parseTags,
  runnerParser,
  scenarioParser,
  slaPath,
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
  /** False where a file or plug-in is missing, so that unknown names may be in it. */
  readonly complete: boolean;
}

export interface Expanded {
  readonly name: string;
  readonly problems: readonly Located[];
  /** Undefined where there are problems. */
  readonly test: PlannedTest | undefined;
}

interface Options {
  readonly input: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

const defaultRunner = { type: 'iteration', count: 1 };

/** One entry of `tests`, compiled; {@link expand} makes its tests one at a time. */
export class TestEntry {
  readonly site: Site;
  /** What is wrong with the entry whatever the matrix gives. */
  readonly problems: Located[] = [];
  readonly secrets = new Set<string>();
  readonly #world: World;
  readonly #matrix: Matrix;
  /** The matrix is wrong: what uses it is not looked at. */
  readonly #partial: boolean;
  readonly #name: Part;
  readonly #scenario: Stage<ScenarioDefinition> | undefined;
  readonly #context: Stage<string> | undefined;
  readonly #tags: Stage<readonly string[]> | undefined;
  readonly #load: Stage<PlannedTest['load']> | undefined;
  readonly #runner: Stage<PlannedRunner>;
  readonly #sla: Stage<readonly Sla[]> | undefined;
  readonly #options: Part;
  readonly #optionsCache = new Cache<Outcome<Options>>();
  readonly #setsCache = new Cache<readonly Located[]>();
  readonly #slaCache = new Cache<readonly Located[]>();
  readonly #used: readonly string[];
  readonly #runnerSite: Site;
  readonly #slaSite: Site | undefined;

  constructor(site: Site, world: World) {
    this.site = site;
    this.#world = world;
    const { params, registry, complete } = world;
    const { matrix, keys, partial } = this.#compileMatrix();
    [this.#matrix, this.#partial] = [matrix, partial];
    const shown: Vocabulary = { names: [...params.names, ...keys], secret: params.secret };
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
    this.#runnerSite = find('runner') ?? site;
    this.#runner =
      stage('runner', parseRunner, hidden) ??
      new Stage(
        { site, broken: false, template: { ...this.#name.template, names: [], evaluate: () => defaultRunner } },
        parseRunner,
      );
    this.#slaSite = find('sla');
    this.#sla = stage('sla', parseSlas);
    this.#options = part(below(site, 'options'), hidden);
    this.#used = [...new Set(parts.flatMap(({ template }) => template.names))].filter((name) =>
      params.names.includes(name),
    );
    for (const key of ['name', 'scenario', 'context'])
      if (find(key) === undefined) this.problems.push(this.#missing(key));
  }

  #missing(key: string): Located {
    const hint =
      key === 'context' && this.#world.contextNames.length > 0
        ? { expected: `one of: ${this.#world.contextNames.join(', ')}` }
        : {};
    return { site: this.site, finding: { path: [key], at: 'key', message: `key '${key}' is missing`, ...hint } };
  }

  #compileMatrix(): { readonly matrix: Matrix; readonly keys: readonly string[]; readonly partial: boolean } {
    const site = below(this.site, 'matrix');
    const { params } = this.#world;
    const raw = rawAt(site);
    if (raw === undefined) return { matrix: noMatrix, keys: [], partial: false };
    const before = this.problems.length;
    const part = compilePart(site, { names: params.names, secret: params.secret }, this.problems);
    const { value, problems } =
      this.problems.length > before
        ? { value: undefined, problems: [] }
        : evaluatePart(part, params.values, (input) => parseWith(matrixSchema, input));
    this.problems.push(...problems);
    const matrix = value === undefined ? undefined : matrixOf(value);
    const findings = matrix === undefined ? [] : checkMatrix(matrix, params.names);
    this.problems.push(...findings.map((finding) => ({ site, finding })));
    if (matrix !== undefined && findings.length === 0) return { matrix, keys: matrixKeys(matrix), partial: false };
    return { matrix: noMatrix, keys: matrix === undefined ? looseKeys(raw) : matrixKeys(matrix), partial: true };
  }

  /** Whether the entry generates its tests from a matrix. */
  get generates(): boolean {
    return this.#matrix !== noMatrix;
  }

  *expand(): Generator<Expanded> {
    for (const combination of combinations(this.#matrix)) yield this.#test(combination);
  }

  #test(combination: Scope): Expanded {
    const { params } = this.#world;
    const scope = { ...params.values, ...combination };
    const problems: Located[] = [];
    const take = <T>(made: Outcome<T> | undefined): T | undefined => {
      if (made !== undefined) for (const problem of made.problems) problems.push(problem);
      return made?.value;
    };
    const name = testName(this.#name, scope, combination, this.#partial, problems);
    const scenario = take(this.#scenario?.get(scope, this.#partial));
    const context = take(this.#context?.get(scope, this.#partial));
    const tags = take(this.#tags?.get(scope, this.#partial)) ?? [];
    const load = take(this.#load?.get(scope, this.#partial)) ?? [];
    const runnerOutcome = this.#runner.get(scope, this.#partial);
    const runner = take(runnerOutcome);
    const slaOutcome = this.#sla?.get(scope, this.#partial);
    const sla = take(slaOutcome) ?? [];
    const optionsOutcome = scenario === undefined ? undefined : this.#parseOptions(scenario, scope);
    const options = take(optionsOutcome);
    if (scenario !== undefined && options !== undefined && optionsOutcome !== undefined) {
      const ids = `${String(optionsOutcome.id)}:${String(runnerOutcome.id)}`;
      if (runner !== undefined)
        problems.push(...this.#setsCache.get(ids, () => this.#checkSets(scenario, options, runner)));
      if (slaOutcome?.value !== undefined)
        problems.push(
          ...this.#slaCache.get(`${ids}:${String(slaOutcome.id)}`, () =>
            this.#checkSlas(scenario, options, runner, slaOutcome),
          ),
        );
    }
    if (
      problems.length > 0 ||
      scenario === undefined ||
      context === undefined ||
      runner === undefined ||
      options === undefined
    )
      return { name, problems, test: undefined };
    const parameters: Record<string, unknown> = {};
    for (const param of this.#used)
      parameters[param] = params.secret.has(param) ? params.written[param] : params.values[param];
    const test: PlannedTest = {
      name,
      tags,
      scenario,
      context,
      input: options.input,
      options: options.value,
      parameters: { ...parameters, ...combination },
      runner: { definition: runner.definition, options: runner.options },
      load,
      sla,
    };
    return { name, problems, test };
  }

  #parseOptions(scenario: ScenarioDefinition, scope: Scope): Outcome<Options> {
    const { names } = this.#options.template;
    const key = `${scenario.type}:${JSON.stringify(names.map((name) => (Object.hasOwn(scope, name) ? [scope[name]] : [])))}`;
    return this.#optionsCache.get(key, () => {
      if (this.#partial && names.some((name) => !Object.hasOwn(scope, name)))
        return outcome<Options>(undefined, undefined);
      const evaluated = evaluatePart(this.#options, scope, (raw) => parseWith(scenario.options, raw ?? {}));
      if (evaluated.value === undefined) return outcome<Options>(undefined, undefined, evaluated.problems);
      const input =
        typeof evaluated.input === 'object' && evaluated.input !== null ? (evaluated.input as Options['input']) : {};
      return outcome<Options>(undefined, { input, value: evaluated.value });
    });
  }

  /** Each set of parameters that the runner is known to ask for, put over the options. */
  #checkSets(scenario: ScenarioDefinition, { input }: Options, { sets, definition }: PlannedRunner): Located[] {
    const site = this.#runnerSite;
    for (const set of sets) {
      if (Object.keys(set).length === 0) continue;
      const parsed = parseWith(scenario.options, { ...input, ...set });
      if (parsed.ok) continue;
      return parsed.findings.map(({ message, expected, hint }): Located => ({
        site,
        finding: {
          path: [],
          message: `runner '${definition.type}' gives '${scenario.type}' options that don't fit: ${message}`,
          ...(expected === undefined ? {} : { expected }),
          ...(hint === undefined ? {} : { hint }),
        },
      }));
    }
    return [];
  }

  #checkSlas(
    scenario: ScenarioDefinition,
    options: Options,
    runner: PlannedRunner | undefined,
    slas: Outcome<readonly Sla[]>,
  ): Located[] {
    const site = this.#slaSite ?? this.site;
    const written = Array.isArray(slas.input) ? (slas.input as unknown[]) : [];
    const metricsOf = (raw: unknown) => {
      const parsed = parseWith(scenario.options, raw);
      return parsed.ok ? scenario.metrics(parsed.value) : [];
    };
    try {
      const varied = (runner?.sets ?? [])
        .filter((set) => Object.keys(set).length > 0)
        .map((set) => metricsOf({ ...options.input, ...set }));
      const declared = varied.length > 0 ? varied : [scenario.metrics(options.value)];
      return (slas.value ?? []).flatMap((sla, index) => {
        const message = declared.map((metrics) => checkSla(sla, metrics)).find((one) => one !== undefined);
        return message === undefined
          ? []
          : [{ site, finding: { path: slaPath(written[index], index), ...parted(message) } }];
      });
    } catch (error) {
      return [
        {
          site,
          finding: { path: [], message: `scenario '${scenario.type}' can't say what it measures: ${messageOf(error)}` },
        },
      ];
    }
  }
}

/** Takes the question at the end of a message as its hint. */
const parted = (message: string): Pick<Finding, 'message' | 'hint' | 'offset'> => {
  const at = message.indexOf(': did you mean ');
  return at === -1 ? { message, offset: 0 } : { message: message.slice(0, at), hint: message.slice(at + 2), offset: 0 };
};

/** Keys of a matrix that is wrong, so that not each of their uses is called unknown too. */
const looseKeys = (raw: unknown): readonly string[] => {
  if (typeof raw !== 'object' || raw === null) return [];
  const { include } = raw as { readonly include?: unknown };
  const more = Array.isArray(include)
    ? (include as unknown[]).flatMap((entry) => (typeof entry === 'object' && entry !== null ? Object.keys(entry) : []))
    : [];
  return [...Object.keys(raw), ...more];
};
