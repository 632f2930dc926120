import type { Plan, PlannedTest } from './plan.js';

/** A name of a host or a context, and the contexts and the host beneath it: `[guest, metal, node1]`. */
export const chainOf = (plan: Pick<Plan, 'contexts'>, name: string): string[] => {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = plan.contexts.get(at)?.on) chain.push(at);
  return chain;
};

/** The host or context of each load of a test. */
export const loadMachinesOf = ({ context, load }: PlannedTest): string[] =>
  load.map(({ host, stressor }) => (stressor === 'none' ? context : (host ?? context)));

/** All machines that a test works on: its context's and its loads', with what is beneath them. */
export const machinesOf = (plan: Pick<Plan, 'contexts'>, test: PlannedTest): string[] => [
  ...new Set([test.context, ...loadMachinesOf(test)].flatMap((name) => chainOf(plan, name))),
];
