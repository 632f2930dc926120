/**
 * Builds dist/: ES modules that share their common parts, so that a plug-in's `kvm4nfv/plugin` and the CLI have the same
 * classes and the same zod; declarations in dist/types; the JSON Schemas in schema/. The pure JavaScript libraries that
 * every command needs are bundled, because finding and loading their many files costs more than running them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { writeSchemas } from './schema.js';

const root = join(import.meta.dirname, '..');
const external = ['ssh2', 'hdr-histogram-js', '@unraid/libvirt'];

/**
 * Half of zod is its messages in fifty languages, and reading them takes a tenth of what `validate` may take; the bundle
 * has the English ones.
 */
const englishOnly: Plugin = {
  name: 'english-only',
  setup(context) {
    context.onResolve({ filter: /\/locales\/index\.js$/ }, ({ path, importer, resolveDir }) =>
      importer.includes('/node_modules/zod/') ? { path: join(resolveDir, path), namespace: 'english-only' } : undefined,
    );
    context.onLoad({ filter: /.*/, namespace: 'english-only' }, ({ path }) => ({
      contents: "export { default as en } from './en.js';",
      resolveDir: dirname(path),
    }));
  },
};

/** CommonJS parts of the bundled libraries ask for Node's own modules by `require`. */
const requireForBundled = [
  "import { createRequire as createRequireForBundled } from 'node:module';",
  'const require = createRequireForBundled(import.meta.url);',
].join('');

/** What package.json promises, and where its source is. */
const bins = Object.keys(manifest.bin);
const modules = Object.values(manifest.exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [basename(entry.default, '.js')],
);
const entryPoints = Object.fromEntries([
  ...modules.map((name) => [name, `lib/${name}.ts`]),
  ...bins.map((name) => [name, `lib/cli/${name}.ts`]),
]) as Record<string, string>;

const bundle = async (outdir: string): Promise<void> => {
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    external,
    plugins: [englishOnly],
    // The same code as ES modules, of which what is not used is left out.
    alias: { yaml: './node_modules/yaml/browser/index.js' },
    // Readable stack traces are worth more: minified code is not measurably faster to load.
    minify: false,
    legalComments: 'external',
    banner: { js: requireForBundled },
    logLevel: 'warning',
  });
  for (const name of bins) {
    const file = join(outdir, `${name}.js`);
    const text = await readFile(file, 'utf8');
    if (!text.startsWith('#!')) await writeFile(file, `#!/usr/bin/env node\n${text}`);
    await chmod(file, 0o755);
  }
};

const declare = async (outdir: string): Promise<void> => {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const argv = [tsc, '-p', join(root, 'tsconfig.build.json'), '--outDir', outdir];
  const [exitCode] = (await once(spawn(process.execPath, argv, { stdio: 'inherit' }), 'exit')) as [number | null];
  if (exitCode !== 0) throw new Error('tsc could not write the declarations: see above');
};

/** Made aside and put in place at once, so that nobody finds half of it. */
const work = join(root, 'node_modules/.cache/kvm4nfv', `dist-${String(process.pid)}`);
await mkdir(work, { recursive: true });
try {
  // Both to their end, whatever becomes of the other: what is still being written can't be removed.
  const profiles = cp(join(root, 'lib/tuning/profiles'), join(work, 'profiles'), { recursive: true });
  const outcomes = await Promise.allSettled([bundle(work), declare(join(work, 'types')), profiles]);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  await rm(join(root, 'dist'), { recursive: true, force: true });
  await rename(work, join(root, 'dist'));
} finally {
  await rm(work, { recursive: true, force: true });
}
await writeSchemas();
