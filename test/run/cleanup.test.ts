import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { cleanupRun, type CleanupReport } from '../../lib/run/cleanup.js';
import { execute } from '../../lib/run/executor.js';
import { Registry } from '../../lib/run/registry.js';
import { sweepersOf } from '../../lib/suite/plugins.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const cleaned = (directory: string, named = false): Promise<CleanupReport> =>
  cleanupRun(directory, sweepersOf(new Registry()), { signal: AbortSignal.timeout(60_000), named });

const plugin = (file: string): string => `
import { rm } from 'node:fs/promises';
export default {
  kind: 'context', apiVersion: 1, type: 'leaving', summary: 'Leaves a file',
  options: { safeParse: (data) => ({ success: true, data }) },
  preview: () => [],
  deploy: () => { throw new Error('not deployed here'); },
  sweep: async (host, run) => { await rm(${JSON.stringify(file)}); return ['removed the file of ' + run]; },
};
`;

/** The directory of a run with these plug-ins whose only test ended so. */
const ran = async (
  results: string,
  fault: 'teardown' | undefined,
  plugins: readonly string[] = [],
): Promise<string> => {
  const scenario = scenarioOf(() =>
    fault === undefined ? Promise.resolve(latencies([1])) : Promise.reject(new Kvm4nfvError('tool', 'broke')),
  );
  const { directory } = await execute(planOf([testOf(scenario)], undefined, { plugins }), { results });
  const events = path.join(directory, 'events.ndjson');
  if (fault !== undefined) {
    const text = await readFile(events, 'utf8');
    await writeFile(events, text.replace(/("type":"test-finished".*"fault":)"tool"/, `$1"${fault}"`));
  }
  return directory;
};

/** As a run looks whose controller was killed: nobody said that it is finished. */
const kill = async (directory: string): Promise<void> => {
  const events = path.join(directory, 'events.ndjson');
  const lines = (await readFile(events, 'utf8')).trimEnd().split('\n');
  const started = JSON.parse(lines[0] ?? '') as { controller: { started: string } };
  started.controller.started = '1';
  await writeFile(events, `${[JSON.stringify(started), ...lines.slice(1, -1)].join('\n')}\n`);
};

describe('cleaning up after a run', () => {
  it('looks at no host where all ended well, unless the run is named', async () => {
    await inDirectory(async (results) => {
      const directory = await ran(results, undefined);
      expect(await cleaned(directory)).to.include({ state: 'clean' });
      expect(await cleaned(directory, true)).to.include({ state: 'clean' });
    });
  });

  it('sees to a run whose test could not be taken down, though the run ended', async () => {
    await inDirectory(async (results) => {
      expect(await cleaned(await ran(results, 'teardown'))).to.include({ state: 'cleaned' });
    });
  });

  it('has the contexts of plug-ins removed by these plug-ins, and says which can not be loaded any more', async () => {
    await inDirectory(async (results) => {
      const [file, left] = [path.join(results, 'plugins/leaving.mjs'), path.join(results, 'left')];
      await mkdir(path.dirname(file));
      await writeFile(file, plugin(left));
      await writeFile(left, '');
      const directory = await ran(results, undefined, [file]);
      await kill(directory);
      const report = await cleaned(directory);
      expect(report.state, report.lines.join('\n')).to.equal('cleaned');
      expect(report.lines).to.deep.equal([`local: removed the file of ${report.run}`]);
      const gone = await ran(results, undefined, [path.join(results, 'gone.mjs')]);
      await kill(gone);
      const failed = await cleaned(gone);
      expect(failed.state).to.equal('failed');
      expect(failed.lines.join('\n')).to.match(
        /what its contexts left is not removed: plug-in '.*gone.mjs' can't be loaded/,
      );
    });
  });
});
