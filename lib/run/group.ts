import type { PlannedTest } from './plan.js';

export interface NumberedTest {
  readonly index: number;
  readonly test: PlannedTest;
}

/** Tests that share a machine, directly or through others, run one after another; groups that share none may run at once. */
export const groupByMachine = (
  tests: readonly NumberedTest[],
  machines: (test: PlannedTest) => readonly string[],
): NumberedTest[][] => {
  const parent = new Map<string, string>();
  const root = (machine: string): string => {
    const above = parent.get(machine) ?? machine;
    if (above === machine) return machine;
    const top = root(above);
    parent.set(machine, top);
    return top;
  };
  const keys = tests.map(({ test }) => {
    const [first = '', ...rest] = machines(test);
    for (const machine of rest) parent.set(root(machine), root(first));
    return first;
  });
  const groups = new Map<string, NumberedTest[]>();
  for (const [position, numbered] of tests.entries()) {
    const key = root(keys[position] ?? '');
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [numbered]);
    else group.push(numbered);
  }
  return [...groups.values()];
};
