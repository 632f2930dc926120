import { expect } from 'chai';
import type { SimulatedHost } from '../../lib/host/simulated.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { dropLease } from '../../lib/tuning/lease.js';
import { restoreRun } from '../../lib/tuning/restore.js';
import { simulatedServer, treeOf, tuningOf, type Machine } from './machine.js';
import { intelPstateServer, resctrlServer } from './trees.js';

const root = '/sys/fs/resctrl';
const pstate = '/sys/devices/system/cpu/intel_pstate';

describe('cache allocation, as resctrl shows it', () => {
  const partitioned = async (
    ways: number,
  ): Promise<{ machine: Machine; applied: Awaited<ReturnType<typeof applyTuning>> }> => {
    const self = (): SimulatedHost => machine.host;
    const machine: Machine = simulatedServer(resctrlServer(self));
    const tuning = await tuningOf({
      profile: 'none',
      with: { isolated_cpus: '2-3' },
      knobs: { 'cache-allocation': { ways, others_bandwidth: 50 } },
    });
    return { machine, applied: await applyTuning(machine.host, 'run-1', tuning) };
  };
  const untouched = treeOf(simulatedServer());

  it('mounts it, gives the isolated CPUs ways of their own and takes everything back', async () => {
    const { machine, applied } = await partitioned(4);
    const { files } = machine.host;
    expect(applied.results.map(({ state, items }) => [state, items.map(({ state: each }) => each)])).to.deep.equal([
      ['ok', ['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'ok']],
    ]);
    expect(files.get(`${root}/kvm4nfv/schemata`)).to.equal('    L3:0=f;1=f\n    MB:0=100;1=100\n');
    expect(files.get(`${root}/schemata`)).to.equal('    L3:0=7f0;1=7f0\n    MB:0=50;1=50\n');
    expect(files.get(`${root}/kvm4nfv/cpus_list`)).to.equal('2-3\n');
    expect(applied.results[0]?.items.slice(-2).map(({ label, effective }) => [label, effective])).to.deep.equal([
      ['bytes held in cache 0', '14598144'],
      ['bytes held in cache 1', '14598144'],
    ]);
    expect((await applied.restore()).complete).to.equal(true);
    expect(treeOf(machine)).to.deep.equal(untouched);
  });

  it('tells a mask that the kernel refuses, and takes back what did take', async () => {
    const { machine, applied } = await partitioned(1);
    const [result] = applied.results;
    expect(result?.state).to.equal('differs');
    expect(result?.items.filter(({ state }) => state !== 'ok').map(({ label }) => label)).to.deep.equal([
      'isolated CPUs',
    ]);
    expect(result?.reason).to.contain('writing').and.to.contain('Invalid argument');
    expect((await applied.restore()).complete).to.equal(true);
    expect(treeOf(machine)).to.deep.equal(untouched);
  });

  it('leaves nothing when the controller is killed between the mount and the masks', async () => {
    for (let change = 0; change < 6; change++) {
      const self = (): SimulatedHost => machine.host;
      const machine: Machine = simulatedServer(resctrlServer(self));
      machine.state.dieBefore = change;
      const knobs = { 'cache-allocation': { ways: 4 } };
      const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: '2-3' }, knobs });
      const applied = await applyTuning(machine.host, 'run-1', tuning).catch(() => undefined);
      machine.state.dieBefore = undefined;
      if (applied === undefined) {
        expect((await restoreRun(machine.host, 'run-1')).complete).to.equal(true);
        await dropLease(machine.host, 'run-1');
      } else await applied.restore();
      expect(treeOf(machine), String(change)).to.deep.equal(untouched);
    }
  });
});

describe('frequencies, as intel_pstate shows them', () => {
  it('are set, and put back though the governor holds the energy preference fast', async () => {
    const machine = simulatedServer(intelPstateServer());
    const before = treeOf(machine);
    const knobs = {
      governor: 'performance',
      turbo: false,
      'energy-bias': 'performance',
      'minimum-performance': 100,
    };
    for (const order of [Object.entries(knobs), Object.entries(knobs).reverse()]) {
      const tuning = await tuningOf({ profile: 'none', knobs: Object.fromEntries(order) });
      const applied = await applyTuning(machine.host, 'run-1', tuning);
      expect(applied.results.map(({ state }) => state)).to.deep.equal(['ok', 'ok', 'ok', 'ok']);
      expect(['no_turbo', 'min_perf_pct'].map((name) => machine.host.files.get(`${pstate}/${name}`))).to.deep.equal([
        '1\n',
        '100\n',
      ]);
      expect((await applied.restore()).places.filter(({ fate }) => fate !== 'restored')).to.deep.equal([]);
      expect(treeOf(machine)).to.deep.equal(before);
    }
  });

  it('that the driver keeps within bounds are told as what they are', async () => {
    const machine = simulatedServer(intelPstateServer());
    const tuning = await tuningOf({ profile: 'none', knobs: { 'minimum-performance': 10 } });
    const applied = await applyTuning(machine.host, 'run-1', tuning);
    expect(applied.results[0]).to.include({ state: 'differs', requested: '10', effective: '25' });
    await applied.restore();
  });

  it('need a boot without the driver where they are to be left alone', async () => {
    const machine = simulatedServer(intelPstateServer());
    const tuning = await tuningOf({ profile: 'none', knobs: { 'p-state-driver': 'disable' } });
    const applied = await applyTuning(machine.host, 'run-1', tuning);
    expect(applied.results[0]).to.include({ state: 'needs-reboot', requested: 'intel_pstate=disable' });
    await applied.restore();
  });
});
