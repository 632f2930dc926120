import { chainOf } from './chains.js';
import { meetNeeds } from './needs.js';
import type { Plan, PlannedTest } from './plan.js';
import type { Need } from './scenario.js';
import { loadNeed } from './stress.js';
import { optionsOf, type Machine } from './trial.js';

/** What the machine that is measured must have for every set of parameters that the runner is known to give. */
export const needsOf = (test: PlannedTest): Need[] => {
  const { scenario, runner } = test;
  const needs = new Map<string, Need>();
  const add = (options: unknown): void => {
    for (const need of scenario.needs(options)) needs.set(JSON.stringify(need), need);
  };
  let sets = 0;
  for (const parameters of runner.definition.preview(runner.options).parameters) {
    add(optionsOf(test, parameters));
    sets += 1;
  }
  if (sets === 0) add(test.options);
  return [...needs.values()];
};

export interface NeedsSetting {
  readonly plan: Plan;
  /** Told of packages as soon as they are there: they stay, whatever comes. */
  readonly installed: (host: string, packages: readonly string[]) => Promise<void>;
  readonly signal: AbortSignal;
}

/** Sees to it that the machines of a test have what it needs, before its first trial. */
export const meetNeedsOf = async (
  test: PlannedTest,
  [sut, ...loadMachines]: readonly Machine[],
  { plan, installed, signal }: NeedsSetting,
): Promise<void> => {
  const meet = async (machine: Machine | undefined, name: string, needs: readonly Need[]): Promise<void> => {
    if (machine === undefined || needs.length === 0) return;
    const provision = chainOf(plan, name).some((link) => plan.contexts.get(link)?.provision === true);
    const { host, facts } = machine;
    await meetNeeds(host, facts, needs, {
      provision,
      installed: (packages) => installed(host.name, packages),
      signal,
    });
  };
  await meet(sut, test.context, needsOf(test));
  for (const [position, load] of test.load.entries())
    if (load.stressor !== 'none') await meet(loadMachines[position], load.host ?? test.context, [loadNeed]);
};
