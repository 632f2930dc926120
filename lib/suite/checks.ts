import { messageOf } from '../error.js';
import type { RunnerSla } from '../run/runner.js';
import type { ScenarioDefinition } from '../run/scenario.js';
import { checkSla, type Sla } from '../sla/sla.js';
import type { Finding } from './findings.js';
import type { Located, Site } from './mistakes.js';
import { parseWith } from './parse.js';
import { conceal } from './part.js';
import type { Template } from './template.js';
import type { Outcome } from './stage.js';
import { slaPath, type PlannedRunner } from './test-parts.js';

/** Options of a scenario as written and as parsed. */
export interface ScenarioOptions {
  readonly input: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

/** What keeps SLAs from being judged on what the scenario promises to measure, with each set that the runner is known to give. */
const checkMetrics = (
  site: Site,
  scenario: ScenarioDefinition,
  { input, value }: ScenarioOptions,
  runner: PlannedRunner | undefined,
  slas: readonly RunnerSla[],
): readonly Located[] => {
  if (slas.length === 0) return [];
  try {
    const varied = (runner?.sets ?? [])
      .filter((set) => Object.keys(set).length > 0)
      .flatMap((set) => {
        const parsed = parseWith(scenario.options, { ...input, ...set });
        return parsed.ok ? [scenario.metrics(parsed.value)] : [];
      });
    const declared = varied.length > 0 ? varied : [scenario.metrics(value)];
    return slas.flatMap(({ path, sla }) => {
      const problem = declared.map((metrics) => checkSla(sla, metrics)).find((one) => one !== undefined);
      return problem === undefined ? [] : [{ site, finding: { path, code: 'E_METRIC', offset: 0, ...problem } }];
    });
  } catch (error) {
    return [
      {
        site,
        finding: {
          path: [],
          code: 'E_PLUGIN_FAILED',
          message: `scenario '${scenario.type}' can't say what it measures: ${messageOf(error)}`,
        },
      },
    ];
  }
};

type Hide = (findings: readonly Finding[]) => readonly Finding[];

/** Each set of parameters that the runner is known to ask for, put over the options. */
const checkSets = (
  site: Site,
  scenario: ScenarioDefinition,
  { input }: ScenarioOptions,
  { sets, definition }: PlannedRunner,
  hide: Hide,
): readonly Located[] => {
  for (const set of sets) {
    if (Object.keys(set).length === 0) continue;
    const parsed = parseWith(scenario.options, { ...input, ...set });
    if (parsed.ok) continue;
    return hide(parsed.findings).map(({ message, expected, hint }): Located => ({
      site,
      finding: {
        path: [],
        code: 'E_RUNNER',
        message: `runner '${definition.type}' gives '${scenario.type}' options that don't fit: ${message}`,
        ...(expected === undefined ? {} : { expected }),
        ...(hint === undefined ? {} : { hint }),
      },
    }));
  }
  return [];
};

/** Why the plan of a trial can't be told beforehand. */
const checkPreviews = (
  site: Site,
  scenario: ScenarioDefinition,
  { input, value }: ScenarioOptions,
  { sets }: PlannedRunner,
): readonly Located[] => {
  const failed = (why: string): readonly Located[] => [
    {
      site,
      finding: {
        path: [],
        code: 'E_PLUGIN_FAILED',
        message: `scenario '${scenario.type}' can't be previewed: ${why}`,
      },
    },
  ];
  try {
    for (const set of sets) {
      const varied = Object.keys(set).length > 0 ? parseWith(scenario.options, { ...input, ...set }) : undefined;
      if (varied?.ok === false) continue;
      const { duration } = scenario.preview(varied === undefined ? value : varied.value);
      if (duration !== undefined && !(Number.isFinite(duration) && duration >= 0))
        return failed(`it would take ${String(duration)} ns`);
    }
    return [];
  } catch (error) {
    return failed(messageOf(error));
  }
};

/**
 * The parameters that a runner puts over the options, and what it looks at in a measurement.
 * `templates` know which values must not be echoed.
 */
export const checkRunner = (
  site: Site,
  scenario: ScenarioDefinition,
  options: ScenarioOptions,
  runner: PlannedRunner,
  templates: readonly Template[],
): readonly Located[] => {
  const hide: Hide = (findings) => templates.reduce((said, template) => conceal(template, said), findings);
  return [
    ...checkSets(site, scenario, options, runner, hide),
    ...checkPreviews(site, scenario, options, runner),
    ...hide(checkMetrics(site, scenario, options, runner, runner.slas).map(({ finding }) => finding)).map(
      (finding): Located => ({ site, finding }),
    ),
  ];
};

/** Each SLA of a test; undefined stands for a wrong one. */
export const checkSlas = (
  site: Site,
  scenario: ScenarioDefinition,
  options: ScenarioOptions,
  runner: PlannedRunner | undefined,
  slas: Outcome<readonly (Sla | undefined)[]>,
): readonly Located[] => {
  const right = (slas.value ?? []).flatMap((sla, index) =>
    sla === undefined ? [] : [{ path: slaPath(slas.input, index), sla }],
  );
  return checkMetrics(site, scenario, options, runner, right);
};
