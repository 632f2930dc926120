import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { begin, end } from '../support/begin.js';
import { canMakeCpuset, cpuset } from '../support/cpuset.js';
import { built, Cli, cli, eventsIn, inDirectory, leftOf, measuring, onlyResult, suiteOf, writeSuite } from './cli.js';

/** Takes a CPU from all whose priority is lower, for 6 s: it ends by itself, since who would end it may not get to run. */
const hog = (cpu: number): ReturnType<typeof begin> =>
  begin(
    'chrt',
    [
      ...['-f', '30', 'taskset', '-c', String(cpu), process.execPath, '-e'],
      'const end = Date.now() + 6000; while (Date.now() < end);',
    ],
    { stdio: 'ignore' },
  );

describe('kind A: a CPU that is starved', function () {
  this.timeout(120_000);
  before(async function () {
    await built();
    if (availableParallelism() < 2) this.skip();
  });

  it('never passes: a FIFO hog takes CPU 1 in the middle of the window, until its end', async () => {
    await inDirectory(async (directory) => {
      const options = { tool: 'cyclictest', cpus: '0-1', duration: '5s', priority: 10, break: 'none' };
      const suite = await writeSuite(directory, suiteOf({ options, sla: ['max <= 1h', 'p99 <= 1h'] }));
      const going = new Cli(['run', suite], { cwd: directory });
      const { run } = await measuring(directory);
      const hungry = hog(1);
      try {
        const { code, stdout } = await going.ended;
        expect(code, stdout).to.equal(1);
        const { verdict, tests } = await onlyResult(directory);
        expect(verdict).to.equal('no-data');
        expect(tests[0]?.reasons.join('\n')).to.match(
          /latency (has no samples \(thread 1, cpu 1\)|\(thread 1, cpu 1\) has \d+ of 5000 samples)/,
        );
        expect(await leftOf(run)).to.deep.equal([]);
      } finally {
        await end(hungry);
      }
    });
  });
});

describe('kind B: a CPU that is not allowed to us', function () {
  this.timeout(120_000);
  before(async function () {
    await built();
    if (availableParallelism() < 2) this.skip();
  });

  const refused = async (prefix: readonly string[], options: Record<string, unknown>, reason: RegExp): Promise<void> =>
    inDirectory(async (directory) => {
      const suite = await writeSuite(directory, suiteOf({ options, sla: ['max <= 1h'] }));
      const { code, stdout } = await cli(['run', suite], { cwd: directory, prefix });
      expect(code, stdout).to.equal(3);
      const { runId, tests } = await onlyResult(directory);
      expect(tests[0]?.reasons.join('\n')).to.match(reason);
      // Before anything was measured.
      expect((await eventsIn(directory, runId)).filter(({ type }) => type === 'trial-started')).to.deep.equal([]);
    });

  for (const tool of ['cyclictest', 'oslat'])
    it(`is an environment error before ${tool} measures in a cpuset without it`, async function () {
      if (!canMakeCpuset()) return this.skip();
      await using set = await cpuset('0');
      await refused(set.prefix, { tool, cpus: 1, duration: '1s' }, /does not allow us CPU 1: not in our cpuset/);
    });

  it('is an environment error where taskset took it away', async () => {
    const prefix = ['taskset', '-c', '0'];
    await refused(prefix, { cpus: '0-1' }, /does not allow us CPU 1: we were started with an affinity of 0,/);
  });

  it('is none where all that is measured is allowed', async function () {
    if (!canMakeCpuset()) return this.skip();
    await using set = await cpuset('0');
    await inDirectory(async (directory) => {
      const suite = await writeSuite(directory, suiteOf({ sla: ['max <= 1h'] }));
      const { code, stdout } = await cli(['run', suite], { cwd: directory, prefix: set.prefix });
      expect(code, stdout).to.equal(0);
    });
  });
});
