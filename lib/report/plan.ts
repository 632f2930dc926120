import { quoteArgv } from '../host/quote.js';
import { chainOf } from '../run/chains.js';
import { installArgv } from '../run/needs.js';
import { redactor } from '../run/redact.js';
import type { Plan, PlannedContext, PlannedTest } from '../run/plan.js';
import type { RunnerPreview } from '../run/runner.js';
import type { Need } from '../run/scenario.js';
import { loadArgv, loadNeed } from '../run/stress.js';
import { needsOf } from '../run/test-needs.js';
import { optionsOf } from '../run/trial.js';
import { formatClock, formatTime, formatWritten } from './format.js';
import { tuningSteps } from './plan-tuning.js';

export interface TestSteps {
  readonly name: string;
  readonly scenario: string;
  readonly context: string;
  readonly trials: number | null;
  readonly steps: readonly string[];
}

type Hide = (text: string) => string;

/** A command, redacted before it is quoted: quotes may be put into the middle of a secret. */
const commandOf = (argv: readonly string[], hide: Hide): string => quoteArgv(argv.map(hide));

const contextSteps = async ({ definition, options, tuning }: PlannedContext): Promise<readonly string[]> => {
  const steps = definition.preview(options);
  if (tuning === undefined) return steps;
  const { before, afterwards } = await tuningSteps(tuning);
  const isLast = (step: string): boolean => step.startsWith('afterwards:');
  return [...steps.filter((step) => !isLast(step)), ...before, ...afterwards, ...steps.filter(isLast)];
};

/** What is set up before the tests: hosts and contexts with their steps, tuning included. */
export const planSteps = async (plan: Plan): Promise<string> => {
  const hide = redactor(plan.secrets);
  const lines = [...plan.hosts].map(([name, { address, jump }]) =>
    address === undefined
      ? `host ${name}: this machine`
      : `host ${name}: SSH to ${hide(address)}${jump === undefined ? '' : ` through ${jump}`}`,
  );
  for (const context of plan.contexts.values()) {
    const { name, definition, on, provision } = context;
    lines.push(`context ${name}: ${definition.type} on ${on}${provision ? ', missing tools are installed' : ''}`);
    for (const step of await contextSteps(context)) lines.push(`  ${step}`);
  }
  return lines.map(hide).join('\n');
};

/** Empty for CPUs: the command names them. */
const described = (need: Need): readonly string[] => {
  switch (need.kind) {
    case 'tool':
      return [`${need.name} (${need.package})`];
    case 'file':
      return [need.path];
    case 'root':
      return ['root'];
    case 'cpus':
      return [];
  }
};

/** What each machine of a test must have, and how it gets what it may get. */
const needSteps = (plan: Plan, test: PlannedTest): readonly string[] => {
  const { context, load } = test;
  const needs = new Map<string, Set<Need>>([[context, new Set(needsOf(test))]]);
  for (const { stressor, host = context } of load)
    if (stressor !== 'none') needs.set(host, (needs.get(host) ?? new Set<Need>()).add(loadNeed));
  return [...needs].flatMap(([name, wanted]) => {
    if ([...wanted].flatMap(described).length === 0) return [];
    const packages = new Set([...wanted].flatMap((need) => (need.kind === 'tool' ? [need.package] : [])));
    const provision = chainOf(plan, name).some((link) => plan.contexts.get(link)?.provision === true);
    return [
      `needs ${[...new Set([...wanted].flatMap(described))].join(', ')}${name === context ? '' : ` on ${name}`}`,
      ...(provision && packages.size > 0 ? [`install what is missing: ${quoteArgv(installArgv([...packages]))}`] : []),
    ];
  });
};

const countOf = ({ trials, duration }: RunnerPreview): string => {
  if (trials !== undefined) return `${String(trials)} trial${trials === 1 ? '' : 's'}`;
  return `as many trials as ${duration === undefined ? 'it takes' : `begin within ${formatClock(duration)}`}`;
};

/** What is done for one test, trial by trial as far as that can be known; `before` is what changes on its machines first. */
export const planTest = (plan: Plan, test: PlannedTest, before: readonly string[] = []): TestSteps => {
  const hide = redactor(plan.secrets);
  const preview = test.runner.definition.preview(test.runner.options);
  const { trials, parameters, pause = 0, endsWhen = [] } = preview;
  const loads = test.load
    .filter(({ stressor }) => stressor !== 'none')
    .map((load) => `load on ${load.host ?? test.context}: ${commandOf(loadArgv(load, undefined), hide)}`);
  const commands = [...parameters].flatMap((set) => {
    const said = Object.entries(set)
      .map(([key, value]) => `${key}=${hide(formatWritten(value))}`)
      .join(' ');
    return test.scenario
      .preview(optionsOf(test, set))
      .commands.map((argv) => `run${said === '' ? '' : ` with ${said}`}: ${commandOf(argv, hide)}`);
  });
  const judged = test.sla.map(
    ({ expression, severity }) => `judge: ${expression}${severity === 'warn' ? ' (warn)' : ''}`,
  );
  const steps = [
    `in ${chainOf(plan, test.context).join(' on ')}`,
    ...before,
    ...needSteps(plan, test),
    `runner ${test.runner.definition.type}: ${countOf(preview)}`,
    ...(pause > 0 ? [`pause: ${formatTime(pause)} before each trial but the first`] : []),
    ...endsWhen.map((condition) => `stop: once ${condition}`),
    ...loads,
    ...commands,
    ...judged,
  ];
  return {
    name: test.name,
    scenario: test.scenario.type,
    context: test.context,
    trials: trials ?? null,
    steps: steps.map(hide),
  };
};
