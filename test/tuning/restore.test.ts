import { expect } from 'chai';
import { Refusal } from '../../lib/host/simulated.js';
import fc from 'fast-check';
import { applyTuning, verifyTuning } from '../../lib/tuning/engine.js';
import { journalOf, parseJournal } from '../../lib/tuning/journal.js';
import { assertNotInUse, dropLease, leaseOf, takeLease } from '../../lib/tuning/lease.js';
import { restoreRun, runsToRestore } from '../../lib/tuning/restore.js';
import { simulatedServer, treeOf, tuningOf, type Machine } from './machine.js';

const knobs = {
  'c-states': 1, 'cpu-wakeup-latency': 'none', governor: 'performance', turbo: false, 'energy-bias': 'performance', 'minimum-performance': 100,
  smt: 'off', 'irq-affinity': 'housekeeping', 'workqueue-affinity': 'housekeeping', 'kthread-priorities': { ksoftirqd: 2 }, 'rt-throttling': 'off',
  watchdogs: 'off', 'timer-migration': 0, 'stat-interval': 10, 'transparent-hugepages': 'never', hugepages: [{ size: '1GiB', count: 2 }], 'kvm-halt-polling': 0,
}; // prettier-ignore
const names = Object.keys(knobs) as (keyof typeof knobs)[];
const isolated = fc.constantFrom('2-3', '2-3,6-7', '1-7', '7', '3,7');
const chosen = fc.uniqueArray(fc.constantFrom(...names), { minLength: 1 });
const starts = fc.record({
  '/proc/sys/vm/stat_interval': fc.constantFrom('1\n', '10\n', '120\n'),
  '/proc/irq/24/smp_affinity_list': fc.constantFrom('0-7\n', '0\n', '5,7\n'),
  '/sys/kernel/mm/transparent_hugepage/enabled': fc.constantFrom(
    '[always] madvise never\n',
    'always madvise [never]\n',
  ),
  '/proc/sys/kernel/sched_rt_runtime_us': fc.constantFrom('-1\n', '950000\n'),
});
const spec = async (which: readonly (keyof typeof knobs)[], cpus: string) =>
  tuningOf({
    profile: 'none',
    with: { isolated_cpus: cpus },
    knobs: Object.fromEntries(which.map((name) => [name, knobs[name]])),
  });

const set = (machine: Machine, path: string, value: string): void => {
  machine.host.files.set(path, `${value}\n`);
};

describe('putting a tuned host back', () => {
  it('leaves the tree as it was, whatever was tuned and from whatever it started', async () => {
    await fc.assert(
      fc.asyncProperty(chosen, isolated, starts, async (which, cpus, files) => {
        const machine = simulatedServer({ files });
        const before = treeOf(machine);
        const applied = await applyTuning(machine.host, 'run-1', await spec(which, cpus));
        expect((await applied.restore()).complete).to.equal(true);
        expect(treeOf(machine)).to.deep.equal(before);
        expect((await applied.restore()).places).to.deep.equal([]);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves the tree as it was when the controller is killed before any one change, of applying and of restoring', async () => {
    await fc.assert(
      fc.asyncProperty(
        chosen,
        isolated,
        fc.nat({ max: 60 }),
        fc.nat({ max: 60 }),
        async (which, cpus, first, second) => {
          const machine = simulatedServer();
          const before = treeOf(machine);
          machine.state.dieBefore = first;
          const tuning = await spec(which, cpus);
          await applyTuning(machine.host, 'run-1', tuning).catch(() => undefined);
          machine.state.dieBefore = machine.state.changes + second;
          await restoreRun(machine.host, 'run-1').catch(() => undefined);
          machine.state.dieBefore = undefined;
          expect((await restoreRun(machine.host, 'run-1')).complete).to.equal(true);
          await dropLease(machine.host, 'run-1');
          expect(treeOf(machine)).to.deep.equal(before);
          expect(await runsToRestore(machine.host)).to.deep.equal([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('has the old text of everything in the journal before the first change', async () => {
    const machine = simulatedServer();
    machine.state.dieBefore = 0;
    await applyTuning(machine.host, 'run-1', await spec(['stat-interval', 'transparent-hugepages'], '2-3')).catch(
      () => undefined,
    );
    const path = journalOf('run-1');
    const entries = parseJournal(machine.host.files.get(path) ?? '', path);
    expect(entries.map(({ run, change }) => [run, 'before' in change ? change.before : undefined])).to.deep.equal([
      ['run-1', '1\n'],
      ['run-1', 'always [madvise] never\n'],
    ]);
    expect(machine.host.files.get('/proc/sys/vm/stat_interval')).to.equal('1\n');
  });

  it('reports a value that somebody else has changed since, and leaves it', async () => {
    const machine = simulatedServer();
    const applied = await applyTuning(machine.host, 'run-1', await spec(['stat-interval', 'timer-migration'], '2-3'));
    set(machine, '/proc/sys/vm/stat_interval', '77');
    const report = await applied.restore();
    expect(report.places.find(({ fate }) => fate === 'foreign')).to.include({
      place: '/proc/sys/vm/stat_interval',
      detail: 'was 1, we set 10, now 77',
    });
    expect(machine.host.files.get('/proc/sys/vm/stat_interval')).to.equal('77\n');
    expect(machine.host.files.get('/proc/sys/kernel/timer_migration')).to.equal('1\n');
  });

  it('touches no run-time value after a reboot, since the boot has put it back, but files on disk', async () => {
    const machine = simulatedServer();
    machine.host.files.set('/etc/security/limits.d/README', '');
    const tuning = await tuningOf({ profile: 'none', knobs: { 'stat-interval': 10, 'locked-memory': 'unlimited' } });
    const before = treeOf(machine);
    await applyTuning(machine.host, 'run-1', tuning);
    expect(machine.host.files.has('/etc/security/limits.d/95-kvm4nfv.conf')).to.equal(true);
    set(machine, '/proc/sys/kernel/random/boot_id', '22222222-2222-4222-8222-222222222222');
    const report = await restoreRun(machine.host, 'run-1');
    await dropLease(machine.host, 'run-1');
    expect(report.places.map(({ place }) => place)).to.deep.equal(['/etc/security/limits.d/95-kvm4nfv.conf']);
    expect(machine.host.files.get('/proc/sys/vm/stat_interval')).to.equal('10\n');
    expect(machine.host.files.has('/etc/security/limits.d/95-kvm4nfv.conf')).to.equal(
      Object.hasOwn(before, '/etc/security/limits.d/95-kvm4nfv.conf'),
    );
  });

  it('takes away what a write of a file that was cut off left beside it', async () => {
    const machine = simulatedServer();
    machine.host.files.set('/etc/security/limits.d/README', '');
    const before = treeOf(machine);
    const tuning = await tuningOf({ profile: 'none', knobs: { 'locked-memory': 'unlimited' } });
    machine.state.dieBefore = 0;
    await applyTuning(machine.host, 'run-1', tuning).catch(() => undefined);
    machine.state.dieBefore = undefined;
    machine.host.files.set('/etc/security/limits.d/95-kvm4nfv.conf.kvm4nfv', '# Written by');
    const report = await restoreRun(machine.host, 'run-1');
    expect(report.places.map(({ fate }) => fate)).to.deep.equal(['as-before']);
    await dropLease(machine.host, 'run-1');
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('notices before and after: a knob that drifted is told', async () => {
    const machine = simulatedServer();
    const applied = await applyTuning(machine.host, 'run-1', await spec(['stat-interval'], '2-3'));
    set(machine, '/proc/sys/vm/stat_interval', '3');
    const after = await applied.verify();
    expect(after.map(({ knob, state }) => [knob, state])).to.deep.equal([['stat-interval', 'differs']]);
    await applied.restore();
  });

  it('sees from another process too what drifted, and tells it from what the kernel refused', async () => {
    const machine = simulatedServer();
    const tuning = await spec(['irq-affinity'], '2-3');
    await applyTuning(machine.host, 'run-1', tuning);
    const verified = async (): Promise<unknown> => {
      const [result] = await verifyTuning(machine.host, tuning, { run: 'run-1' });
      return [
        result?.state,
        result?.items.filter(({ state }) => state !== 'ok').map(({ label, state }) => [label, state]),
      ];
    };
    expect(await verified()).to.deep.equal(['ok', [['IRQ 0', 'unsupported']]]);
    set(machine, '/proc/irq/24/smp_affinity_list', '2-3');
    expect(await verified()).to.deep.equal(['differs', [['IRQ 0', 'unsupported'], ['IRQ 24', 'differs']]]); // prettier-ignore
    await restoreRun(machine.host, 'run-1');
    await dropLease(machine.host, 'run-1');
  });

  it('sees from another process too which error it was: only what is expected is excused there as well', async () => {
    const machine = simulatedServer({
      writes: {
        '/proc/irq/24/smp_affinity_list': () => {
          throw new Refusal('No space left on device');
        },
      },
    });
    const tuning = await spec(['irq-affinity'], '2-3');
    const applied = await applyTuning(machine.host, 'run-1', tuning);
    const [result] = await verifyTuning(machine.host, tuning, { run: 'run-1' });
    expect(result).to.deep.equal(applied.results[0]);
    expect(result?.state).to.equal('differs');
    expect(result?.reason).to.contain('No space left on device').and.to.contain('IRQ 0: the kernel refuses');
    expect((await restoreRun(machine.host, 'run-1')).complete).to.equal(true);
    await dropLease(machine.host, 'run-1');
  });

  it('sees from another process too what is set on the CPUs that SMT off has left', async () => {
    const machine = simulatedServer();
    const tuning = await spec(['workqueue-affinity'], '2-3,6-7');
    await applyTuning(machine.host, 'run-1', tuning);
    set(machine, '/sys/devices/system/cpu/online', '0-3');
    set(machine, '/sys/devices/virtual/workqueue/cpumask', '3');
    set(machine, '/sys/devices/virtual/workqueue/writeback/cpumask', '3');
    const [result] = await verifyTuning(machine.host, tuning, { run: 'run-1' });
    expect(result).to.include({ state: 'ok', effective: '0-1' });
    const unknown = await verifyTuning(machine.host, tuning).catch((error: unknown) => error);
    expect((unknown as Error).message).to.contain('6-7 not online');
  });

  it('writes nothing in observe mode, and looks in one round trip', async () => {
    const machine = simulatedServer();
    const before = treeOf(machine);
    const applied = await applyTuning(
      machine.host,
      'run-1',
      await tuningOf({ profile: 'observe', with: { isolated_cpus: '2-3' } }),
    );
    expect(machine.state).to.include({ trips: 1, changes: 0 });
    expect(applied.results.find(({ knob }) => knob === 'stat-interval')?.state).to.equal('differs');
    await applied.restore();
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('takes a handful of round trips for a whole profile', async () => {
    const machine = simulatedServer();
    const applied = await applyTuning(machine.host, 'run-1', await spec(names, '2-3'));
    expect(machine.state.changes).to.be.greaterThan(40);
    expect(machine.state.trips).to.be.at.most(5);
    machine.state.trips = 0;
    await applied.verify();
    expect(machine.state.trips).to.equal(1);
    await applied.restore();
  });
});

describe('the lease of a host', () => {
  it('lets one run in at a time, and says who has it', async () => {
    const { host } = simulatedServer();
    await takeLease(host, 'run-1');
    await takeLease(host, 'run-1');
    const error = await takeLease(host, 'run-2').then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error?.message).to.contain('run run-1').and.to.contain(String(process.pid));
    await dropLease(host, 'run-2');
    expect(host.files.has('/var/lib/kvm4nfv/lease')).to.equal(true);
    await dropLease(host, 'run-1');
    await takeLease(host, 'run-2');
    await dropLease(host, 'run-2');
  });

  it('sees that the controller of a lease is gone', async () => {
    const { host } = simulatedServer();
    const lease = await takeLease(host, 'run-1');
    await dropLease(host, 'run-1');
    await takeLease(host, 'run-1', { ...lease.controller, pid: 2 ** 22 + 1, started: '1' });
    const error = await takeLease(host, 'run-2').then(
      () => undefined,
      (reason: unknown) => reason as { hint?: string },
    );
    expect(error?.hint).to.contain('kvm4nfv tune restore simulated --run run-1');
    expect(error?.hint).to.contain('kvm4nfv cleanup --run run-1');
    await dropLease(host, 'run-1');
    await takeLease(host, 'run-1', { ...lease.controller, machine: 'elsewhere', host: 'elsewhere', boot: 'other' });
    const unknown = await takeLease(host, 'run-2').then(
      () => undefined,
      (reason: unknown) => reason as { hint?: string },
    );
    expect(unknown?.hint).to.contain('If that process is gone');
  });

  it('keeps a host that is measured from being put back; of a controller elsewhere only who names the run may say that it is gone', async () => {
    const { host } = simulatedServer();
    const refused = async (named?: string): Promise<string | undefined> => {
      try {
        assertNotInUse(host, await leaseOf(host), named);
        return undefined;
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(await refused()).to.equal(undefined);
    const { controller } = await takeLease(host, 'run-1');
    expect(await refused('run-1')).to.contain('in use by run run-1');
    await dropLease(host, 'run-1');
    await takeLease(host, 'run-1', { ...controller, machine: 'elsewhere', host: 'elsewhere', boot: 'other' });
    expect([await refused(), await refused('run-1'), await refused('run-2')].map((said) => said !== undefined)).to.deep.equal([true, false, true]); // prettier-ignore
    await dropLease(host, 'run-1');
    await takeLease(host, 'run-1', { ...controller, pid: 2 ** 22 + 1, started: '1' });
    expect(await refused()).to.equal(undefined);
    await dropLease(host, 'run-1');
  });
});
