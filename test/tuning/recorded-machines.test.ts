import { expect } from 'chai';
import { applyTuning } from '../../lib/tuning/engine.js';
import { isEffective } from '../../lib/tuning/judge.js';
import { tuningOf } from './machine.js';
import { recordedMachine, verified } from './recorded.js';

describe('machines that have nothing wrong', () => {
  const restored = async (
    machine: string,
    isolated: string,
    knobs: Record<string, unknown>,
  ): Promise<ReadonlyMap<string, string>> => {
    const { host } = recordedMachine(machine);
    const before = Object.fromEntries([...host.files].map(([path, text]) => [path, text.trim()]));
    const tuning = await tuningOf({ profile: 'none', with: { isolated_cpus: isolated }, knobs: knobs as never });
    const applied = await applyTuning(host, 'run-1', tuning);
    const during = new Map(host.files);
    expect(applied.results.filter((result) => !isEffective(result))).to.deep.equal([]);
    expect((await applied.restore()).complete).to.equal(true);
    expect(Object.fromEntries([...host.files].map(([path, text]) => [path, text.trim()]))).to.deep.equal(before);
    return during;
  };

  it('leave CPUs that are offline out of all lists and masks', async () => {
    const during = await restored('offline-cpus', '3', { 'irq-affinity': 'housekeeping', 'workqueue-affinity': 'housekeeping' }); // prettier-ignore
    expect(during.get('/proc/irq/24/smp_affinity_list')?.trim()).to.equal('0-1,4-6');
    expect(during.get('/sys/devices/virtual/workqueue/cpumask')?.trim()).to.equal('73');
  });

  it('have nodes of memory alone, whose pages can be had and whose CPUs can not', async () => {
    const pages = '/sys/devices/system/node/node2/hugepages/hugepages-2048kB/nr_hugepages';
    const knobs = { hugepages: [{ size: '2MiB', count: 0, node: 2 }] };
    const result = await verified('xeon-cxl-memory-only-nodes', knobs, { files: { [pages]: '0\n' } });
    expect(result?.state).to.equal('ok');
  });

  it('keep nx_huge_pages off for good', async () => {
    const result = await verified('nx-huge-pages-never', { 'kvm-parameters': { 'kvm.nx_huge_pages': 0 } });
    expect(result?.state).to.equal('ok');
  });

  it('have one thread a core, of which SMT off asks nothing', async () => {
    for (const [machine, smt] of [
      ['arm64-altra-bare', 'off'],
      ['base-intel-2s', 'siblings-offline'],
    ] as const) {
      const result = await verified(machine, { smt });
      expect(result && isEffective(result), machine).to.equal(true);
    }
  });

  it('have no page merging, no NUMA balancing and no services to stop', async () => {
    for (const knobs of [
      { ksm: 2 },
      { 'numa-balancing': 0 },
      { 'transparent-hugepages': 'never' },
      { services: ['tuned.service'] },
      { stalld: 'stopped' },
    ]) {
      const result = await verified('base-intel-2s', knobs);
      expect(result && isEffective(result), JSON.stringify(knobs)).to.equal(true);
      expect(result?.reason).to.not.equal(undefined);
    }
  });
});
