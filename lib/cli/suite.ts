import { builtins } from '../builtins.js';
import { Kvm4nfvError } from '../error.js';
import type { Plan } from '../run/plan.js';
import type { Registry } from '../run/registry.js';
import { loadSuite } from '../suite/load.js';
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
  Object.fromEntries(
    given.map((text) => {
      const at = text.indexOf('=');
      if (at < 1)
        throw new Kvm4nfvError('usage', `--param ${text}: expected key=value`, {
          hint: 'such as --param duration=60s',
        });
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );

/** Loads, checks and plans the suite that a command names. */
export const openSuite = async (file: string, { only, tag, shard, param = [] }: SuiteSelection): Promise<Plan> => {
  const loaded = await loadSuite(file, { registry: builtins(), params: parameters(param) });
  if (loaded.diagnostics.length > 0) warn(renderDiagnostics(loaded.diagnostics, new Map()));
  return planSuite(loaded, {
    ...(only === undefined ? {} : { only }),
    ...(tag === undefined ? {} : { tags: tag }),
    ...(shard === undefined ? {} : { shard }),
  });
};

/** The built-in definitions and those of plug-ins, named as in a suite of this directory. */
export const registryWith = async (plugins: readonly string[]): Promise<Registry> => {
  const registry = builtins();
  for (const plugin of plugins) await addPlugin(registry, plugin);
  return registry;
};
