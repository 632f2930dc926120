import { quoteArgv } from '../host/quote.js';
import { chainOf } from '../run/deployments.js';
import type { Plan, PlannedTest } from '../run/plan.js';
import { loadArgv } from '../run/stress.js';
import { optionsOf } from '../run/trial.js';

export interface TestSteps {
  readonly name: string;
  readonly scenario: string;
  readonly context: string;
  readonly trials: number | null;
  readonly steps: readonly string[];
}

/** What is set up before the tests: hosts and contexts with their steps. */
export const planSteps = (plan: Plan): string => {
  const hosts = [...plan.hosts].map(([name, { address, jump }]) =>
    address === undefined
      ? `host ${name}: this machine`
      : `host ${name}: SSH to ${address}${jump === undefined ? '' : ` through ${jump}`}`,
  );
  const contexts = [...plan.contexts.values()].flatMap(({ name, definition, options, on, provision }) => [
    `context ${name}: ${definition.type} on ${on}${provision ? ', missing tools are installed' : ''}`,
    ...definition.preview(options).map((step) => `  ${step}`),
  ]);
  return [...hosts, ...contexts].join('\n');
};

/** What is done for one test, trial by trial as far as that can be known. */
export const planTest = (plan: Plan, test: PlannedTest): TestSteps => {
  const { trials, parameters } = test.runner.definition.preview(test.runner.options);
  const needs = test.scenario
    .needs(test.options)
    .map((need) =>
      need.kind === 'tool' ? `${need.name} (${need.package})` : need.kind === 'file' ? need.path : 'root',
    );
  const loads = test.load
    .filter(({ stressor }) => stressor !== 'none')
    .map((load) => `load on ${load.host ?? test.context}: ${quoteArgv(loadArgv(load, undefined))}`);
  const commands = [...parameters].flatMap((set) => {
    const said = Object.entries(set)
      .map(([key, value]) => `${key}=${String(value)}`)
      .join(' ');
    return test.scenario
      .preview(optionsOf(test, set))
      .commands.map((argv) => `run${said === '' ? '' : ` with ${said}`}: ${quoteArgv(argv)}`);
  });
  const judged = test.sla.map(
    ({ expression, severity }) => `judge: ${expression}${severity === 'warn' ? ' (warn)' : ''}`,
  );
  return {
    name: test.name,
    scenario: test.scenario.type,
    context: test.context,
    trials: trials ?? null,
    steps: [
      `in ${chainOf(plan, test.context).join(' on ')}`,
      ...(needs.length === 0 ? [] : [`needs ${needs.join(', ')}`]),
      `runner ${test.runner.definition.type}: ${trials === undefined ? 'as many trials as it takes' : `${String(trials)} trial${trials === 1 ? '' : 's'}`}`,
      ...loads,
      ...commands,
      ...judged,
    ],
  };
};
