import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolve as resolveImport } from 'import-meta-resolve';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Sweepers } from '../run/cleanup.js';
import type { Definition, Registry } from '../run/registry.js';
import type { Finding } from './findings.js';

const isPath = (name: string): boolean => /^\.{1,2}\//.test(name) || isAbsolute(name);
const packageName = /^(?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*(?:\/[A-Za-z0-9._~/-]+)?$/;

/** As Node finds what a module beside the suite imports; else as `require` does, which adds extensions and looks into NODE_PATH. */
const findModule = (name: string, directory: string): string => {
  if (isPath(name)) return resolve(directory, name);
  const from = join(directory, 'suite.yaml');
  try {
    const url = resolveImport(name, pathToFileURL(from).href);
    if (url.startsWith('file:')) return fileURLToPath(url);
  } catch (error) {
    try {
      return createRequire(from).resolve(name);
    } catch {
      throw error;
    }
  }
  throw new Error('that is a part of Node, and no plug-in');
};

/** What each kind is asked for as soon as a suite names it. */
const functions = {
  scenario: ['metrics', 'needs', 'preview', 'measure'],
  runner: ['preview', 'trials'],
  context: ['deploy'],
} as const;

const wrong = (definition: unknown): string | undefined => {
  if (typeof definition !== 'object' || definition === null || !('kind' in definition))
    return 'its default export is neither a definition nor a list of them';
  const { kind, type, options } = definition as Readonly<Record<string, unknown>>;
  if (kind !== 'scenario' && kind !== 'runner' && kind !== 'context')
    return `it defines an unknown kind '${String(kind)}'`;
  if (typeof type !== 'string' || type === '') return `a ${kind} of it has no type`;
  if (typeof options !== 'object' || options === null || !('safeParse' in options))
    return `${kind} '${type}' has no zod schema as its options`;
  return undefined;
};

const lacking = (definition: Definition): string | undefined => {
  const given = definition as unknown as Readonly<Record<string, unknown>>;
  const name = functions[definition.kind].find((one) => typeof given[one] !== 'function');
  return name === undefined ? undefined : `${definition.kind} '${definition.type}' has no function '${name}'`;
};

const importError = (name: string, error: unknown): Omit<Finding, 'path'> => {
  const message = (messageOf(error).split('\n')[0] ?? '').replace(/ imported from .*$/, '');
  const missing = error instanceof Error && 'code' in error && String(error.code).endsWith('MODULE_NOT_FOUND');
  return {
    code: 'E_PLUGIN',
    message: `plug-in '${name}' can't be loaded: ${message}`,
    ...(missing ? { hint: isPath(name) ? 'the path is relative to this file' : `npm install ${name}` } : {}),
  };
};

/** Imports a plug-in that a file in `directory` names and adds what it defines; says what went wrong. */
export const loadPlugin = async (
  name: string,
  directory: string,
  registry: Registry,
): Promise<Omit<Finding, 'path'> | undefined> => {
  if (!isPath(name) && !packageName.test(name))
    return {
      code: 'E_PLUGIN',
      message: `'${name}' is no plug-in`,
      expected: 'a path that begins with ./ or ../, or the name of a package',
    };
  let file: string;
  let loaded: { readonly default?: unknown };
  try {
    file = findModule(name, directory);
    loaded = (await import(pathToFileURL(file).href)) as { readonly default?: unknown };
  } catch (error) {
    return importError(name, error);
  }
  const definitions = Array.isArray(loaded.default) ? (loaded.default as unknown[]) : [loaded.default];
  const misshapen = (mistake: string): Omit<Finding, 'path'> => ({
    code: 'E_PLUGIN_SHAPE',
    message: `plug-in '${name}': ${mistake}`,
    hint: 'export default defineScenario({...}), defineRunner({...}), defineContext({...}), or a list of such',
  });
  const mistake = definitions.map(wrong).find((one) => one !== undefined);
  if (mistake !== undefined) return misshapen(mistake);
  try {
    registry.addPlugin(file, definitions as Definition[], name);
  } catch (error) {
    return { code: 'E_PLUGIN_SHAPE', message: messageOf(error) };
  }
  // Last, for what is of another version may have others.
  const missing = (definitions as Definition[]).map(lacking).find((one) => one !== undefined);
  return missing === undefined ? undefined : misshapen(missing);
};

/** Adds what a plug-in defines: a path (relative to `directory`) or the name of a package that is found from there. */
export const addPlugin = async (registry: Registry, name: string, directory = process.cwd()): Promise<void> => {
  const problem = await loadPlugin(name, directory, registry);
  if (problem === undefined) return;
  const { message, hint } = problem;
  throw new Kvm4nfvError('E_PLUGIN', message, hint === undefined ? {} : { hint });
};

/** For {@link cleanupRun}: a registry with a run's plug-ins, loaded from the files that they had then. */
export const sweepersOf =
  (builtIn: Registry) =>
  async (plugins: readonly string[]): Promise<Sweepers> => {
    const registry = builtIn.clone();
    const lacking: string[] = [];
    for (const file of plugins) {
      const problem = await loadPlugin(file, dirname(file), registry);
      if (problem !== undefined) lacking.push(problem.message);
    }
    return { registry, lacking };
  };
