import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { execute } from '../../lib/run/executor.js';
import { reduceRun } from '../../lib/run/reduce.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const good = scenarioOf(() => Promise.resolve(latencies([1000, 2000, 3000])));

describe('a run that was killed', () => {
  it('is reported with what it measured, and is no pass', async () => {
    await inDirectory(async (results) => {
      const { directory } = await execute(planOf([testOf(good), testOf(good, { name: 'other' })]), { results });
      const file = path.join(directory, 'events.ndjson');
      const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
      const cut = lines.findIndex((line) => line.includes('"test-finished"'));
      await writeFile(file, `${lines.slice(0, cut).join('\n')}\n{"seq":99,"at":"20`);
      const result = await reduceRun(directory);
      expect([result.verdict, result.endedAt]).to.deep.equal(['error', null]);
      expect(result.exitCode).to.equal(5);
      expect(result.tests[0]?.trials[0]?.metrics[0]).to.include({ count: 3, max: 3000 });
    });
  });

  it('is an error of the arguments when there is no such run', async () => {
    const error = await reduceRun('/nonexistent').then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(Kvm4nfvError).and.include({ fault: 'usage' });
  });
});
