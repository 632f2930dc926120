import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { startSshd, type Sshd } from '../support/sshd.js';
import {
  built,
  Cli,
  cli,
  eventsIn,
  inDirectory,
  leftOf,
  long,
  measuring,
  resultIn,
  stackTrace,
  suiteOf,
  writeSuite,
} from './cli.js';
import { eventually } from '../support/eventually.js';

/** A test that ends and one that does not end by itself. */
const suite = (hosts?: Record<string, unknown>): string => {
  const parts = JSON.parse(
    suiteOf({ options: { loops: 100 }, ...(hosts === undefined ? {} : { hosts, host: 'node' }) }),
  ) as { tests: { name: string; options: object; load?: object }[] };
  const [first] = parts.tests;
  if (first === undefined) throw new Error('no test');
  parts.tests.push(
    { ...first, name: 'endless', options: long, load: { stressor: 'cpu', cpus: 0, workers: 1, percent: 5 } },
    { ...first, name: 'never' },
  );
  return JSON.stringify(parts);
};

const begin = async (directory: string, text: string): Promise<Cli> =>
  new Cli(['run', await writeSuite(directory, text)], { cwd: directory });

/** The second test measures. */
const inTheMiddle = (directory: string): Promise<{ run: string; pid: number }> =>
  eventually('the second test', async () => {
    const now = await measuring(directory);
    return now.trial.startsWith('endless') ? now : undefined;
  });

describe('a run that is interrupted', function () {
  this.timeout(120_000);
  before(built);

  const check = async (directory: string, text: string, signal: NodeJS.Signals): Promise<void> => {
    const going = await begin(directory, text);
    const { run } = await inTheMiddle(directory);
    expect(await leftOf(run)).to.not.deep.equal([]);
    going.kill(signal);
    const { code, stdout, stderr } = await going.ended;
    expect(code, stderr).to.equal(130);
    expect(stdout + stderr).to.not.match(stackTrace);
    expect(stderr).to.match(/interrupted: ending the test and putting everything back \(once more to leave at once\)/);
    expect(await leftOf(run)).to.deep.equal([]);
    const result = await resultIn(directory, run);
    expect(result.tests.map(({ verdict }) => verdict)).to.deep.equal(['pass', 'error', 'skip']);
    expect(result.tests[0]?.metrics[0]).to.include({ count: 100 });
    expect(result.exitCode).to.equal(130);
    expect(stdout)
      .to.match(/^timer +metal +latency +100 .* pass$/m)
      .and.to.match(/interrupted; what was set up has been put back/);
    const again = await cli(['cleanup'], { cwd: directory });
    expect([again.code, again.stdout]).to.deep.equal([0, '1 run looked at in results\n']);
  };

  it('by Ctrl-C, ends with 130 and leaves nothing behind', () =>
    inDirectory((directory) => check(directory, suite(), 'SIGINT')));

  it('by SIGTERM, does the same', () => inDirectory((directory) => check(directory, suite(), 'SIGTERM')));

  it('over SSH, leaves nothing on the other machine', async () => {
    await using sshd: Sshd = await startSshd();
    await inDirectory((directory) => check(directory, suite({ node: sshd.spec() }), 'SIGINT'));
  });

  it('twice, leaves at once and says how to clean up; cleanup then does', async () => {
    await inDirectory(async (directory) => {
      const going = await begin(directory, suite());
      const { run, pid } = await inTheMiddle(directory);
      going.kill('SIGINT');
      // Both before it has got anywhere.
      going.kill('SIGTERM');
      const { code, stderr } = await going.ended;
      expect(code).to.equal(130);
      expect(stderr).to.match(new RegExp(`not everything was put back\\. To do so: kvm4nfv cleanup --run ${run}\\n$`));
      expect(existsSync(`/proc/${String(pid)}`)).to.equal(true);
      const cleaned = await cli(['cleanup', '--run', run], { cwd: directory });
      expect(cleaned.code, cleaned.stdout + cleaned.stderr).to.equal(0);
      expect(cleaned.stdout).to.equal(
        `${run}: cleaned\n  local: ended job endless-0-0\n  local: ended job endless-0-load0\n`,
      );
      expect(await leftOf(run)).to.deep.equal([]);
      expect(existsSync(`/proc/${String(pid)}`)).to.equal(false);
    });
  });

  it('by SIGKILL, is cleaned up after and reported on, with all that it measured before', async () => {
    await inDirectory(async (directory) => {
      const going = await begin(directory, suite());
      const { run, pid } = await inTheMiddle(directory);
      const alive = await cli(['cleanup'], { cwd: directory });
      expect(alive.code).to.equal(0);
      expect(alive.stdout).to.match(
        new RegExp(`^${run}: running\\n {2}process ${String(going.child.pid)} of .* runs it\\n`),
      );
      expect(existsSync(`/proc/${String(pid)}`), 'cleanup ended a run that was going on').to.equal(true);
      going.kill('SIGKILL');
      expect((await going.ended).signal).to.equal('SIGKILL');
      expect(await leftOf(run)).to.not.deep.equal([]);
      expect((await eventsIn(directory, run)).map(({ type }) => type))
        .to.include('trial-finished')
        .and.to.not.include('run-finished');

      const report = await cli(['report', join('results', run)], { cwd: directory });
      expect(report.code).to.equal(5);
      expect(report.stdout)
        .to.match(/^timer +metal +latency +100 .* pass$/m)
        .and.to.match(/^endless .* error$/m);
      expect(report.stdout).to.match(/the run was killed before its end\n.*kvm4nfv cleanup --run /);

      const cleaned = await cli(['cleanup'], { cwd: directory });
      expect(cleaned.code, cleaned.stdout + cleaned.stderr).to.equal(0);
      expect(cleaned.stdout).to.contain(
        `${run}: cleaned\n  local: ended job endless-0-0\n  local: ended job endless-0-load0\n`,
      );
      expect(await leftOf(run)).to.deep.equal([]);
      const twice = await cli(['cleanup'], { cwd: directory });
      expect([twice.code, twice.stdout]).to.deep.equal([0, `${run}: cleaned\n1 run looked at in results\n`]);
      expect(await readdir(join(directory, 'results', run))).to.include.members(['events.ndjson', 'timer.hlog']);
    });
  });

  it('does not keep cleanup from the others where its events are damaged', async () => {
    await inDirectory(async (directory) => {
      const going = await begin(directory, suite());
      const { run } = await inTheMiddle(directory);
      going.kill('SIGKILL');
      await going.ended;
      await mkdir(join(directory, 'results/0-damaged'));
      await writeFile(join(directory, 'results/0-damaged/events.ndjson'), '{}\nnot JSON\n{}\n');
      const { code, stdout } = await cli(['cleanup'], { cwd: directory });
      expect(code).to.equal(6);
      expect(stdout)
        .to.match(/^0-damaged: failed\n {2}.*events\.ndjson:2: not a JSON object/)
        .and.to.contain(`${run}: cleaned\n`);
      expect(await leftOf(run)).to.deep.equal([]);
    });
  });
});
