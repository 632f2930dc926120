import { expect } from 'chai';
import { examine } from '../../lib/doctor/examine.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import type { KnobResult } from '../../lib/tuning/judge.js';
import { simulatedServer, tuningOf, treeOf, type Machine } from './machine.js';

const apply = async (
  machine: Machine,
  knobs: Record<string, string | number | unknown[] | Record<string, unknown>>,
  isolated_cpus = '2-3,6-7',
) => {
  const applied = await applyTuning(
    machine.host,
    'r1',
    await tuningOf({ profile: 'none', with: { isolated_cpus }, knobs }),
  );
  const result = (knob: string): KnobResult | undefined => applied.results.find((candidate) => candidate.knob === knob);
  return { applied, result };
};
const shown = ({ host }: Machine, path: string): string | undefined => host.files.get(path)?.trim();

describe('tunings that KVM4NFV applied and that silently failed', () => {
  it('moves interrupts whose mask is a range, not only those of a single CPU', async () => {
    const machine = simulatedServer();
    await apply(machine, { 'irq-affinity': 'housekeeping' });
    expect(shown(machine, '/proc/irq/24/smp_affinity_list')).to.equal('0-1,4-5');
    expect(shown(machine, '/proc/irq/default_smp_affinity')).to.equal('33');
  });

  it('reaches the last CPU', async () => {
    const machine = simulatedServer();
    const { result } = await apply(machine, { 'irq-affinity': 'housekeeping', 'kthread-priorities': { ksoftirqd: 2 } });
    expect(shown(machine, '/proc/irq/25/smp_affinity_list')).to.equal('0-1,4-5');
    expect(result('kthread-priorities')?.effective).to.contain('ksoftirqd/7 fifo 2');
  });

  it('understands CPU lists with commas, as Hyper-Threading makes them', async () => {
    const machine = simulatedServer();
    const { applied } = await apply(machine, { 'irq-affinity': 'housekeeping' }, '2-3,6-7');
    expect(applied.machine.housekeeping).to.deep.equal([0, 1, 4, 5]);
    expect(shown(machine, '/proc/irq/26/smp_affinity_list')).to.equal('0-1,4-5');
  });

  it("leaves an interrupt alone that is on a housekeeping CPU already, and lists the one that can't be moved", async () => {
    const machine = simulatedServer();
    const { result } = await apply(machine, { 'irq-affinity': 'housekeeping' });
    expect(shown(machine, '/proc/irq/27/smp_affinity_list')).to.equal('0');
    expect(result('irq-affinity')).to.include({ state: 'ok' });
    expect(result('irq-affinity')?.reason).to.contain('IRQ 0: the kernel refuses');
  });

  it('does not write -1 to sched_rt_period_us, which takes none', async () => {
    const machine = simulatedServer();
    const { result } = await apply(machine, { 'rt-throttling': 'off' });
    expect(result('rt-throttling')?.state).to.equal('ok');
    expect(machine.host.written.map(([path]) => path)).to.not.include('/proc/sys/kernel/sched_rt_period_us');
  });

  it('sets the number of huge pages that was asked for: 2 and not 20, on the right node', async () => {
    const path = '/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages';
    const machine = simulatedServer({ files: { [path]: '0\n' } });
    const { result } = await apply(machine, { hugepages: [{ size: '1GiB', count: 2 }] });
    expect(shown(machine, path)).to.equal('2');
    expect(shown(machine, path.replace('node1', 'node0'))).to.equal('0');
    expect(result('hugepages')?.state).to.equal('ok');
  });

  it('says so when the kernel grants fewer huge pages, and gives those back', async () => {
    const path = '/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages';
    const machine = simulatedServer({
      writes: {
        [path]: (text, { files }) => {
          files.set(path, `${String(Math.min(1, Number(text)))}\n`);
        },
      },
    });
    const { result, applied } = await apply(machine, { hugepages: [{ size: '1GiB', count: 2 }] });
    expect(result('hugepages')).to.include({ state: 'differs', requested: '2', effective: '1' });
    expect((await applied.restore()).complete).to.equal(true);
    expect(shown(machine, path)).to.equal('0');
  });

  it('sets timer_migration on hosts as well as in guests', async () => {
    const machine = simulatedServer();
    for (const profile of ['realtime-host', 'realtime-guest', 'kvm4nfv'])
      expect(
        (await tuningOf({ profile, with: { isolated_cpus: '2-3' } })).knobs.map(({ knob }) => knob.name),
      ).to.include('timer-migration');
    await apply(machine, { 'timer-migration': 0 });
    expect(shown(machine, '/proc/sys/kernel/timer_migration')).to.equal('0');
  });

  it('moves interrupts in guests: of one vCPU for housekeeping too', async () => {
    const machine = simulatedServer({
      files: { '/sys/devices/system/cpu/online': '0-1\n', '/proc/irq/24/smp_affinity_list': '0-1\n' },
    });
    await apply(machine, { 'irq-affinity': 'housekeeping' }, '1');
    expect(shown(machine, '/proc/irq/24/smp_affinity_list')).to.equal('0');
  });

  it('stops irqbalance before it moves interrupts', async () => {
    let active = true;
    const order: string[] = [];
    const machine: Machine = simulatedServer({
      commands: {
        systemctl: ([, verb]) => {
          if (verb === 'is-active') return { exitCode: active ? 0 : 3, stdout: active ? 'active\n' : 'inactive\n' };
          active = verb === 'start';
          order.push(`systemctl ${String(verb)}`);
          return '';
        },
      },
      writes: {
        '/proc/irq/24/smp_affinity_list': (text, { files }) => {
          order.push('irq');
          files.set('/proc/irq/24/smp_affinity_list', text);
        },
      },
    });
    const { applied, result } = await apply(machine, { irqbalance: 'stopped', 'irq-affinity': 'housekeeping' });
    expect(order).to.deep.equal(['systemctl stop', 'irq']);
    expect(result('irqbalance')?.state).to.equal('ok');
    await applied.restore();
    expect(order.slice(2)).to.deep.equal(['irq', 'systemctl start']);
  });

  it('reports a tuning that did not take, with what the kernel said', async () => {
    const machine = simulatedServer({ writes: { '/proc/sys/vm/stat_interval': () => undefined } });
    const { result } = await apply(machine, { 'stat-interval': 10 });
    expect(result('stat-interval')).to.include({ state: 'differs', requested: '10', effective: '1' });
  });

  it('reports what the kernel lacks as unsupported where the user named it, and writes nothing there', async () => {
    const machine = simulatedServer({ without: ['/proc/sys/kernel/timer_migration'] });
    const before = treeOf(machine);
    const { result, applied } = await apply(machine, { 'timer-migration': 0, scheduler: { min_granularity_ns: 10 } });
    expect(result('timer-migration')?.state).to.equal('unsupported');
    expect(result('scheduler')?.state).to.equal('unsupported');
    await applied.restore();
    expect(treeOf(machine)).to.deep.equal(before);
  });

  it('spells pcie_aspm as the kernel does, and tells a machine that was booted with pcie_asmp', async () => {
    const booted = async (cmdline: string): Promise<Awaited<ReturnType<typeof examine>>> => {
      const { host } = simulatedServer({ files: { '/proc/cmdline': `${cmdline}\n` } });
      return examine(host, await tuningOf({ profile: 'kvm4nfv', with: { isolated_cpus: '2-3' } }));
    };
    const aspm = ({ knobs }: Awaited<ReturnType<typeof examine>>): unknown[] => {
      const result = knobs.find(({ knob }) => knob === 'pcie-aspm');
      return [result?.state, result?.requested];
    };
    const misspelt = await booted('ro pcie_asmp=off');
    expect(aspm(misspelt)).to.deep.equal(['needs-reboot', 'pcie_aspm=off']);
    expect(misspelt.findings.find(({ check }) => check === 'cmdline-spelling')).to.include({
      severity: 'major',
      what: 'the kernel command line has pcie_asmp=off, which does nothing',
    });
    const right = await booted('ro pcie_aspm=off');
    expect(aspm(right)).to.deep.equal(['ok', 'pcie_aspm=off']);
    expect(right.findings.map(({ check }) => check)).to.not.include('cmdline-spelling');
  });
});
