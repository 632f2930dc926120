import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { built, Cli, cli, inDirectory, leftOf, long, measuring, root, stackTrace, suiteOf, writeSuite } from './cli.js';

const exec = promisify(execFile);

/** A small file system of its own below `directory`. */
const withDisk = async <T>(directory: string, size: string, body: (place: string) => Promise<T>): Promise<T> => {
  const place = join(directory, 'results');
  await mkdir(place);
  await exec('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', place]);
  try {
    return await body(place);
  } finally {
    await exec('umount', [place]);
  }
};

/** Takes all the space that is left, to the last byte. */
const fill = async (place: string): Promise<void> => {
  await exec('sh', ['-c', 'cat /dev/zero >"$1/filler" 2>/dev/null; :', 'sh', place]);
};

describe('a disk that is full', function () {
  this.timeout(90_000);
  before(built);
  beforeEach(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  it('from the start: ends with 3 before anything is touched', async () => {
    await inDirectory((directory) =>
      withDisk(directory, '64k', async (place) => {
        await fill(place);
        const { code, stdout, stderr } = await cli(['run', await writeSuite(directory, suiteOf())], { cwd: directory });
        expect(code, stderr + stdout).to.equal(3);
        expect(stdout).to.equal('');
        expect(stderr).to.match(
          /^error: can't (make|write) .*results\/.*: no space is left on the device \[E_[A-Z_]+\]\n {2}help: free some space there or give another directory with --output\n$/,
        );
        const [run] = (await readdir(place)).filter((name) => name !== 'filler');
        if (run !== undefined) expect(await leftOf(run)).to.deep.equal([]);
      }),
    );
  });

  for (const loaded of [false, true])
    it(`in the middle of a trial${loaded ? ' under load' : ''}: ends with 3, and everything is put back`, async () => {
      await inDirectory((directory) =>
        withDisk(directory, '512k', async (place) => {
          const load = loaded ? { load: { stressor: 'cpu', cpus: 0, workers: 1, percent: 5 } } : {};
          const going = new Cli(
            ['run', await writeSuite(directory, suiteOf({ options: { ...long, loops: 1500 }, ...load }))],
            { cwd: directory },
          );
          const { run, pid } = await measuring(directory);
          await fill(place);
          const { code, stdout, stderr } = await going.ended;
          expect(code, stderr + stdout).to.equal(3);
          expect(stdout + stderr).to.not.match(stackTrace);
          expect(stderr).to.match(
            /error: can't write .*events\.ndjson: no space is left on the device \[E_[A-Z_]+\]\n {2}help: free some space/,
          );
          expect(await leftOf(run)).to.deep.equal([]);
          expect(await readdir('/proc')).to.not.include(String(pid));
          // What fitted is there, and can be reported on.
          const events = (await readFile(join(place, run, 'events.ndjson'), 'utf8')).split('\n');
          expect(events.length).to.be.greaterThan(3);
          const report = await cli(['report', join('results', run)], { cwd: directory });
          expect(report.code).to.equal(5);
        }),
      );
    });

  it('keeps no context from being taken down', async () => {
    await inDirectory((directory) =>
      withDisk(directory, '512k', async (place) => {
        // Contexts that leave a mark while they are there.
        const plugin = `import { rm, writeFile } from 'node:fs/promises';
          import { defineContext, z } from ${JSON.stringify(join(root, 'dist/plugin.js'))};
          export default [defineContext({ type: 'marked', summary: 'Leaves a mark', options: z.strictObject({ mark: z.string() }), preview: () => [],
            deploy: async ({ mark }, { host }) => {
              await writeFile(mark, '');
              return { sut: host, traits: {}, [Symbol.asyncDispose]: () => rm(mark) };
            } })];`;
        await writeFile(join(directory, 'plugin.mjs'), plugin);
        const marks = ['one', 'two'].map((name) => join(directory, name));
        const suite = JSON.parse(
          suiteOf({
            options: { ...long, loops: 1500 },
            load: { host: 'other', stressor: 'cpu', cpus: 0, workers: 1, percent: 5 },
          }),
        ) as object;
        const contexts = { metal: { type: 'marked', mark: marks[0] }, other: { type: 'marked', mark: marks[1] } };
        const file = await writeSuite(directory, JSON.stringify({ ...suite, contexts, plugins: ['./plugin.mjs'] }));
        const going = new Cli(['run', file], { cwd: directory });
        const { run } = await measuring(directory);
        for (const mark of marks) expect(existsSync(mark)).to.equal(true);
        await fill(place);
        const { code, stderr } = await going.ended;
        expect(code, stderr).to.equal(3);
        for (const mark of marks) expect(existsSync(mark), mark).to.equal(false);
        expect(await leftOf(run)).to.deep.equal([]);
      }),
    );
  });

  it('is told from a directory that can not be made, wherever it is', async () => {
    await inDirectory(async (directory) => {
      await writeFile(join(directory, 'suite.yaml'), suiteOf());
      const { code, stderr } = await cli(['run', 'suite.yaml', '--output', '/proc/nowhere'], { cwd: directory });
      expect(code).to.equal(3);
      expect(stderr).to.match(/^error: can't make the run's directory \/proc\/nowhere\/.*\n {2}help: /);
    });
  });
});
