import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

/** Where a module stands is asked of the bundle otherwise. */
const inPlace = (text: string, path: string): string =>
  text
    .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
    .replaceAll('import.meta.filename', JSON.stringify(path))
    .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));

const instrumented = (root: string, texts: ReadonlyMap<string, string>): Plugin => ({
  name: 'mutants',
  setup(context) {
    context.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      if (path.includes('/node_modules/')) return undefined;
      const text = texts.get(relative(root, path)) ?? (await readFile(path, 'utf8'));
      return { contents: inPlace(text, path), loader: 'ts', resolveDir: dirname(path) };
    });
  },
});

/**
 * Puts each file of tests with all that it imports of ours into one module, so that importing that again gives everything
 * anew, with another mutant on; libraries stay outside. Gives where the module is of each one that has any of `texts` in it.
 */
export const bundleTests = async (
  root: string,
  tests: readonly string[],
  texts: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, string>> => {
  const outdir = join(root, 'node_modules/.cache', `mutants-${String(process.pid)}`);
  process.once('exit', () => {
    rmSync(outdir, { recursive: true, force: true });
  });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...tests],
    outdir,
    outbase: root,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    packages: 'external',
    plugins: [instrumented(root, texts)],
    logLevel: 'error',
    metafile: true,
  });
  const moduleOf = (test: string): string => join(outdir, test.replace(/\.ts$/, '.mjs'));
  const inputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [join(root, path), output.inputs]));
  const has = (test: string): boolean => Object.keys(inputs.get(moduleOf(test)) ?? {}).some((path) => texts.has(path));
  return new Map(tests.filter(has).map((test) => [test, moduleOf(test)]));
};
