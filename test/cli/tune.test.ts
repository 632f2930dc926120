import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { thisController } from '../../lib/tuning/controller.js';
import { dropLease, leaseOf, takeLease } from '../../lib/tuning/lease.js';
import { machineIsFree } from '../tuning/this-machine.js';
import { built, cli, stackTrace, type Ended } from './cli.js';

/** A value that harms nobody who shares the machine. */
const knob = '/proc/sys/vm/stat_interval';
const shown = async (): Promise<string> => (await readFile(knob, 'utf8')).trim();

describe('kvm4nfv tune, on this machine', function () {
  this.timeout(120_000);
  const host = localHost();
  let old = '';
  let wanted: readonly string[] = [];
  let value = '';
  const tune = async (...argv: readonly string[]): Promise<Ended> => {
    const ended = await cli(['tune', ...argv]);
    expect(ended.stdout + ended.stderr).to.not.match(stackTrace);
    return ended;
  };

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    await built();
  });
  beforeEach(async () => {
    await machineIsFree();
    old = await shown();
    value = old === '9' ? '8' : '9';
    wanted = ['--set', `stat-interval=${value}`];
  });

  it('plans without a change, applies, verifies, sees a drift, restores, and then has nothing to put back', async () => {
    const run = `test-${randomUUID().slice(0, 8)}`;
    const plan = await tune('plan', ...wanted);
    expect(plan.code, plan.stderr).to.equal(0);
    expect(plan.stdout).to.contain('stat-interval').and.to.contain('1 changes would be made');
    expect(await shown()).to.equal(old);

    try {
      const applied = await tune('apply', ...wanted, '--run', run);
      expect(applied.code, applied.stderr).to.equal(0);
      expect(applied.stdout).to.contain(`applied as run ${run}; to put everything back: kvm4nfv tune restore local`);
      expect(await shown()).to.equal(value);
      expect((await tune('verify', ...wanted)).code).to.equal(0);

      const second = await tune('apply', ...wanted);
      expect(second.code).to.equal(3);
      expect(second.stderr).to.contain(`in use by run ${run}`).and.to.contain(`tune restore local --run ${run}`);

      await writeFile(knob, '23\n');
      const drifted = await tune('verify', ...wanted, '--json');
      expect(drifted.code).to.equal(3);
      const results = JSON.parse(drifted.stdout) as { knob: string; state: string; effective: string }[];
      expect(results.map((result) => [result.knob, result.state, result.effective])).to.deep.equal([['stat-interval', 'differs', '23']]); // prettier-ignore
      await writeFile(knob, `${value}\n`);
    } finally {
      const restored = await tune('restore');
      expect(restored.code, restored.stderr).to.equal(0);
      expect(restored.stdout).to.contain(`run ${run}: 1 restored`);
    }
    expect(await shown()).to.equal(old);
    const again = await tune('restore');
    expect([again.code, again.stdout.trim()]).to.deep.equal([0, 'nothing to put back']);
  });

  it('does not put back what a live run has set, named or not', async () => {
    const run = `test-${randomUUID().slice(0, 8)}`;
    await takeLease(host, run);
    try {
      for (const more of [[], ['--run', run], ['--run', 'test-another']]) {
        const { code, stderr } = await tune('restore', ...more);
        expect([code, stderr.includes(`in use by run ${run}`)], stderr).to.deep.equal([3, true]);
      }
    } finally {
      await dropLease(host, run);
    }
  });

  it('frees a host that a run had taken when it was killed, before it changed anything', async () => {
    const run = `test-${randomUUID().slice(0, 8)}`;
    await takeLease(host, run, { ...(await thisController()), pid: 2 ** 22 + 1, started: '1' });
    const { code, stdout, stderr } = await tune('restore');
    expect(code, stderr).to.equal(0);
    expect(stdout).to.contain(`run ${run}: 0 restored`);
    expect((await leaseOf(host)).kind).to.equal('free');
  });
});
