import { expect } from 'chai';
import { examine } from '../../lib/doctor/examine.js';
import { renderReadinessMarkdown } from '../../lib/doctor/render-markdown.js';
import { renderReadinessText } from '../../lib/doctor/render-text.js';
import { simulatedServer, tuningOf } from '../tuning/machine.js';

const port = '/sys/bus/pci/devices/0000:41:00.0';
const bound = '/sys/bus/pci/devices/0000:42:00.0';

const ready = {
  '/dev/kvm': '',
  '/sys/kernel/iommu_groups/0/type': 'DMA\n',
  '/sys/kernel/iommu_groups/1/type': 'DMA\n',
  [`${port}/sriov_totalvfs`]: '7\n',
  [`${port}/sriov_numvfs`]: '2\n',
  [`${port}/net/ens101/address`]: '52:54:00:00:00:01\n',
  [`${bound}/sriov_totalvfs`]: '64\n',
  [`${bound}/sriov_numvfs`]: '0\n',
};

describe('doctor', () => {
  it('says first what the machine offers to guests, in every form', async () => {
    const readiness = await examine(simulatedServer({ files: ready }).host, await tuningOf({ profile: 'observe' }));
    expect(readiness.capabilities).to.deep.equal({
      kvm: true,
      iommuGroups: 2,
      numaNodes: 2,
      smt: true,
      sriov: [
        { device: '0000:41:00.0', interface: 'ens101', totalVfs: 7, vfs: 2 },
        { device: '0000:42:00.0', totalVfs: 64, vfs: 0 },
      ],
    });
    const line = 'KVM yes, IOMMU 2 groups, 2 NUMA nodes, SMT on, SR-IOV ens101 7 VFs (2 made), 0000:42:00.0 64 VFs';
    expect(renderReadinessText(readiness).split('\n')[1]).to.equal(line);
    expect(renderReadinessMarkdown(readiness).split('\n')).to.include(`${line}.`);
  });

  it('believes a guest that was tried rather than the device', async () => {
    const reason = '/dev/kvm is there, but a 64-bit guest did not get through its start within 20 s';
    const tried = (works: boolean) =>
      tuningOf({ profile: 'observe' }).then((tuning) =>
        examine(simulatedServer({ files: ready }).host, tuning, { kvm: () => Promise.resolve({ works, reason }) }),
      );
    const [good, bad] = [await tried(true), await tried(false)];
    expect([good.capabilities.kvm, bad.capabilities.kvm]).to.deep.equal([true, false]);
    expect(good.findings.map(({ check }) => check)).not.to.include('kvm');
    expect(bad.findings.find(({ check }) => check === 'kvm')).to.include({ what: reason });
  });

  it('says so where there is nothing of it', async () => {
    const bare = simulatedServer({
      files: { '/sys/devices/system/cpu/smt/active': '0\n', '/sys/devices/system/node/node0/cpulist': '0-7\n' },
      without: ['/sys/devices/system/node/node1/cpulist'],
    });
    const text = renderReadinessText(await examine(bare.host, await tuningOf({ profile: 'observe' })));
    expect(text.split('\n')[1]).to.equal('KVM no, no IOMMU, 1 NUMA node, SMT off, no SR-IOV');
  });
});
