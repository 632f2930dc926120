import { builtins } from '../builtins.js';
import type { Plan } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import { keyAndText } from '../suite/given.js';
import { loadSuite, type LoadedSuite } from '../suite/load.js';
import { planSuite } from '../suite/plan.js';
import { addPlugin } from '../suite/plugins.js';
import { renderDiagnostics } from '../suite/render.js';
import { warn } from './output.js';

/** What the commands that take a suite have in common. */
export interface SuiteSelection {
  readonly only?: readonly string[];
  readonly tag?: readonly string[];
  readonly shard?: { readonly index: number; readonly count: number };
  readonly param?: readonly string[];
}

const parameters = (given: readonly string[]): Record<string, string> =>
  Object.fromEntries(given.map((text) => keyAndText('--param', text, 'key=value', 'duration=60s')));

/** Loads, checks and plans the suite that a command names. */
export const loadNamed = async (
  file: string,
  { only, tag, shard, param = [] }: SuiteSelection,
): Promise<{ readonly loaded: LoadedSuite; readonly plan: Plan }> => {
  const loaded = await loadSuite(file, { registry: builtins(), params: parameters(param) });
  const plan = planSuite(loaded, {
    ...(only === undefined ? {} : { only }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(shard === undefined ? {} : { shard }),
  });
  return { loaded, plan };
};

/** The same, and shows its warnings. */
export const openSuite = async (file: string, selection: SuiteSelection): Promise<Plan> => {
  const { loaded, plan } = await loadNamed(file, selection);
  if (loaded.diagnostics.length > 0) warn(renderDiagnostics(loaded.diagnostics, new Map()));
  return plan;
};

/** The built-in definitions and those of plug-ins, named as in a suite of this directory. */
export const registryWith = async (plugins: readonly string[]): Promise<Registry> => {
  const registry = builtins();
  for (const plugin of plugins) await addPlugin(registry, plugin);
  return registry;
};
