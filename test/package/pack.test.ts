import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import '../support/slow.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const tsc = join(root, 'node_modules/typescript/bin/tsc');

const tsconfig = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable'],
    module: 'NodeNext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    typeRoots: [join(root, 'node_modules/@types')],
    types: ['node'],
  },
};

const consumer = `import * as api from 'kvm4nfv';
import { defineRunner, z, type RunnerDefinition } from 'kvm4nfv/plugin';
import * as testing from 'kvm4nfv/testing';

export const twice: RunnerDefinition<{ count: number }> = defineRunner({
  type: 'twice',
  summary: 'Twice as often',
  options: z.strictObject({ count: z.int() }),
  preview: ({ count }) => ({ parameters: [{}], trials: 2 * count }),
  async *trials({ count }) {
    for (let index = 0; index < 2 * count; index += 1) yield { parameters: {} };
  },
});
export const exported: readonly object[] = [api, testing];
// @ts-expect-error There is no such option: the types are really found.
export const wrong = defineRunner({ typo: 1 });
`;

describe('The packed package, installed in an empty directory', function () {
  this.timeout(180_000);
  let directory = '';

  before(async () => {
    if (!existsSync(join(root, 'dist/kvm4nfv.js'))) throw new Error('dist/ is missing: npm run build');
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-pack-'));
    // prepack would build again
    const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
      cwd: root,
    });
    const [{ filename }] = JSON.parse(packed.stdout) as [{ filename: string }];
    await writeFile(
      join(directory, 'package.json'),
      JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
    );
    await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', join(directory, filename)], {
      cwd: directory,
    });
  });

  after(async () => {
    if (directory !== '') await rm(directory, { recursive: true });
  });

  it('runs both of its commands', async () => {
    for (const bin of ['kvm4nfv', 'kvm4nfv-run']) {
      const { stdout } = await run('npx', ['--no-install', bin, '--help'], { cwd: directory });
      expect(stdout, bin).to.include('Usage');
    }
  });

  it('prints its version', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    const { stdout } = await run('npx', ['--no-install', 'kvm4nfv', '--version'], { cwd: directory });
    expect(stdout.trim()).to.equal(version);
  });

  it('has types for each of its entries, that need nothing but the package and those of Node', async () => {
    await writeFile(join(directory, 'tsconfig.json'), JSON.stringify({ ...tsconfig, files: ['consumer.ts'] }));
    await writeFile(join(directory, 'consumer.ts'), consumer);
    await run(process.execPath, [tsc, '-p', 'tsconfig.json'], { cwd: directory });
  });

  it('gives plug-ins the very classes and the zod that the library itself uses', async () => {
    const program = `import { Kvm4nfvError as inside } from 'kvm4nfv';
      import { Kvm4nfvError as outside } from 'kvm4nfv/plugin';
      console.log(inside === outside);`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: directory });
    expect(stdout.trim()).to.equal('true');
  });

  it('has the JSON Schemas', async () => {
    for (const name of ['suite', 'result']) {
      const file = join(directory, `node_modules/kvm4nfv/schema/${name}.schema.json`);
      expect(JSON.parse(await readFile(file, 'utf8'))).to.have.property('$schema');
    }
  });

  it('carries the harness of the examples: it type-checks and runs a suite with its own plug-ins', async () => {
    const harness = join(directory, 'harness');
    await cp(join(directory, 'node_modules/kvm4nfv/examples/harness'), harness, { recursive: true });
    await run(process.execPath, [tsc, '-p', '.', '--typeRoots', join(root, 'node_modules/@types')], { cwd: harness });
    const { stdout } = await run(process.execPath, ['harness.js'], { cwd: harness });
    expect(stdout)
      .to.match(/spawn: pass in \d+ trials/)
      .and.match(/\d+ samples, median \d+ ns/);
  });
});
