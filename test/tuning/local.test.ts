import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { runBatch } from '../../lib/tuning/batch.js';
import { applyTuning, verifyTuning } from '../../lib/tuning/engine.js';
import { examine } from '../../lib/doctor/examine.js';
import { dropLease } from '../../lib/tuning/lease.js';
import { restoreRun, runsToRestore } from '../../lib/tuning/restore.js';
import { tuningOf } from './machine.js';
import { machineIsFree } from './this-machine.js';
import { begin } from '../support/begin.js';

const paths = [
  '/proc/sys/vm/stat_interval',
  '/proc/sys/vm/dirty_ratio',
  '/proc/sys/vm/dirty_background_ratio',
  '/proc/sys/kernel/hung_task_timeout_secs',
  '/sys/devices/virtual/workqueue/writeback/cpumask',
  '/sys/devices/virtual/workqueue/cpumask',
];
const snapshot = (): Promise<string[]> =>
  Promise.all(paths.map((path) => readFile(path, 'utf8').catch(() => 'absent')));
/** Values that harm nobody who shares the machine. */
const harmless = { 'stat-interval': 7, 'dirty-limits': { ratio: 21, background: 11 }, 'hung-task-timeout': 130 };

describe('tuning this machine', function () {
  this.timeout(180_000);
  const host = localHost();
  const run = `test-${randomUUID().slice(0, 8)}`;
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(machineIsFree);

  it('applies, reads back, verifies from anew and restores', async () => {
    const before = await snapshot();
    const tuning = await tuningOf({
      profile: 'none',
      knobs: { ...harmless, 'workqueue-affinity': 'housekeeping' },
      with: { isolated_cpus: 1 },
    });
    const applied = await applyTuning(host, run, tuning);
    try {
      expect(applied.results.filter(({ state }) => state !== 'ok' && state !== 'absent')).to.deep.equal([]);
      expect((await readFile(paths[0] ?? '', 'utf8')).trim()).to.equal('7');
      const again = await verifyTuning(host, tuning, { run });
      expect(again.map(({ knob, state }) => [knob, state])).to.deep.equal(
        applied.results.map(({ knob, state }) => [knob, state]),
      );
    } finally {
      await applied.restore();
    }
    expect(await snapshot()).to.deep.equal(before);
    expect(await runsToRestore(host)).to.not.include(run);
  });

  it('is put back after the controller was killed at any moment', async () => {
    const before = await snapshot();
    const script = fileURLToPath(new URL('./killed-controller.ts', import.meta.url));
    for (let round = 0; round < 8; round++) {
      const child = begin(process.execPath, ['--import', 'tsx', script, run, JSON.stringify(harmless)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const ended = once(child, 'exit');
      await once(child.stdout, 'data');
      await sleep(Math.random() * 700);
      child.kill('SIGKILL');
      expect(await ended).to.deep.equal([null, 'SIGKILL']);
      const report = await restoreRun(host, run);
      await dropLease(host, run);
      expect(report.complete).to.equal(true);
      expect(await snapshot(), `round ${String(round)}: ${JSON.stringify(report.places)}`).to.deep.equal(before);
      await machineIsFree();
    }
  });

  it('hears from the kernel why it refuses a value', async () => {
    const { outcomes } = await runBatch(host, {
      actions: [{ kind: 'write', path: '/proc/sys/kernel/sched_rt_period_us', text: '-1\n' }],
    });
    expect(outcomes[0]?.status).to.not.equal(0);
    expect(outcomes[0]?.said).to.contain('Invalid argument');
  });

  it('carries any text through the script byte for byte', async () => {
    const path = `/tmp/kvm4nfv-batch-${String(process.pid)}`;
    for (const text of ['', ' ', '\n\n', 'a b\tc\\n%s\\0101 "q" \'p\' $HOME `x` ü€\n', '\\c']) {
      const { snapshot: now, outcomes } = await runBatch(host, {
        actions: [
          { kind: 'install', path, text },
          { kind: 'run', argv: ['printf', '[%s]', text] },
        ],
        requests: [{ kind: 'text', path }],
      });
      expect(now.texts.get(path)).to.equal(text);
      expect(outcomes[1]?.said).to.equal(`[${text}]`.trim());
    }
    await runBatch(host, { actions: [{ kind: 'remove', path }] });
  });

  it('examines it and says what it lacks', async () => {
    const { findings, checklist } = await examine(
      host,
      await tuningOf({ profile: 'observe', with: { isolated_cpus: 1 } }),
    );
    const ranks = findings.map(({ severity }) => ['critical', 'major', 'minor', 'info'].indexOf(severity));
    expect(ranks).to.deep.equal([...ranks].sort((a, b) => a - b));
    expect(findings.every(({ costs, mend, what }) => costs !== '' && mend !== '' && what !== '')).to.equal(true);
    expect(checklist.map(({ setting }) => setting)).to.include('Port 60/64 emulation');
  });
});
