import { expect } from 'chai';
import fc from 'fast-check';
import { choose, type Choice } from '../../../lib/contexts/sriov-vf/choose.js';
import { parseLinks, type Inventory } from '../../../lib/contexts/sriov-vf/inventory.js';
import { portsOf, sriovVfOptions } from '../../../lib/contexts/sriov-vf/options.js';
import { leaseOf, ownerOfVf, pfLeaseOf, raisedLeaseOf } from '../../../lib/contexts/sriov-vf/owners.js';
import { groupRefusals, lineRefusals, vfioRefusals } from '../../../lib/contexts/sriov-vf/preconditions.js';
import { leaseDirectory } from '../../../lib/contexts/kvm-guest/resources.js';
import { inUse, type Recorded } from './snapshot.js';

const asker = { run: 'run-1', context: 'vf' };
const ask = (options: object, inventory: Inventory = inUse(), node?: number): Choice => {
  const parsed = sriovVfOptions.parse({ in: 'host', ...options });
  return choose(portsOf(parsed), { inventory, asker, passthrough: parsed.passthrough !== undefined, node });
};
const taken = (choice: Choice): string[] =>
  'ports' in choice
    ? choice.ports.flatMap(({ pf, use, create }) => [
        ...use.map(({ address }) => address),
        ...(create > 0 ? [`${pf.address}+${String(create)}`] : []),
      ])
    : [];
const said = (choice: Choice): string =>
  'refusals' in choice ? choice.refusals.map(({ message }) => message).join('; ') : '';
const lease = (run: string, context: string): string => JSON.stringify({ run, context, controller: {} });

describe('choosing VFs', () => {
  it('uses the free VF of a port whose others belong to somebody, and creates none there', () => {
    expect(taken(ask({ pf: 'ens101' }))).to.deep.equal(['0000:41:11.2']);
  });

  it('refuses with every owner when the free ones do not suffice', () => {
    const words = said(ask({ pf: '0000:41:00.0', vfs: 2 }));
    expect(words).to.include('ens101 (0000:41:00.0) has 6 VFs, of which 1 are free and 2 are asked for');
    for (const owner of [
      'VF 0 (0000:41:10.0) belongs to somebody who bound it to vfio-pci',
      'VF 1 (0000:41:10.2) belongs to domain tenant',
      'VF 2 (0000:41:10.4) belongs to network namespace tenant',
      'VF 3 (0000:41:10.6) belongs to interface ens101v3, which is up',
      'VF 4 (0000:41:11.0) belongs to interface ens101v4 with 192.0.2.77/24',
    ])
      expect(words).to.include(owner);
  });

  it('creates VFs on a port that has none, for others of the run as well', () => {
    expect(taken(ask({ pf: 'ens102', vfs: 2 }))).to.deep.equal(['0000:42:00.0+2']);
    expect(taken(ask({ pf: 'ens102', vfs: 2, create: 5 }))).to.deep.equal(['0000:42:00.0+5']);
  });

  it('names the limit when more VFs are asked for than the NIC has', () => {
    expect(said(ask({ pf: 'ens102', vfs: 8 }))).to.equal('ens102 (0000:42:00.0) can have 7 VFs, and 8 are asked for');
  });

  it('says of a NIC without SR-IOV that it has none', () => {
    const choice = ask({ pf: 'mgmt0' });
    expect(said(choice)).to.include('mgmt0 (0000:00:03.0), PCI id 1af4:1000, driver virtio-pci, has no SR-IOV');
  });

  it('finds a port by driver and by node, the one that can do it first', () => {
    expect(taken(ask({ pf: 'driver:igb', vfs: 2 }))).to.deep.equal(['0000:42:00.0+2']);
    expect(taken(ask({ pf: { numa: 1 } }))).to.deep.equal(['0000:41:11.2']);
    expect(said(ask({ pf: { numa: 0 } }))).to.match(
      /^no port for numa 0; there are .*ens101 \(0000:41:00\.0\) driver igb node 1/,
    );
    expect(said(ask({ pf: { numa: 'auto' } }, inUse(), 0))).to.match(/^no port for numa auto/);
  });

  it('gives several ports to several wishes, never one twice', () => {
    expect(taken(ask({ pfs: [{ pf: { numa: 'auto' } }, { pf: 'ens101' }] }))).to.deep.equal([
      '0000:42:00.0+1',
      '0000:41:11.2',
    ]);
    expect(said(ask({ pfs: [{ pf: 'ens101' }, { pf: '0000:41:00.0' }] }))).to.match(/^no further port for address/);
  });

  it('gives a whole port away only by that name, and only one that nobody uses', () => {
    const whole = ask({ pf: 'ens102', passthrough: 'pf' });
    expect('ports' in whole && whole.ports[0]?.pf.address).to.equal('0000:42:00.0');
    expect(said(ask({ pf: 'ens101', passthrough: 'pf' }))).to.include('has 6 VFs');
    expect(said(ask({ pf: 'mgmt0', passthrough: 'pf' }))).to.include(
      'mgmt0 (0000:00:03.0) belongs to interface mgmt0 with 10.0.2.15/24',
    );
  });

  it('leaves VFs alone that another run leased or made', () => {
    const leased = (name: string, text: string) => (host: Recorded) => {
      host.files[`${leaseDirectory}/${name}`] = text;
    };
    expect(said(ask({ pf: 'ens101' }, inUse(leased(leaseOf('0000:41:11.2'), lease('run-2', 'other+vf')))))).to.include(
      'belongs to context other of run run-2',
    );
    expect(said(ask({ pf: 'ens101' }, inUse(leased(pfLeaseOf('0000:41:00.0'), lease('run-2', 'x')))))).to.include(
      'belongs to run run-2, which made the VFs',
    );
    expect(said(ask({ pf: 'ens101' }, inUse(leased(raisedLeaseOf('0000:41:00.0'), lease('run-2', 'x')))))).to.include(
      'belongs to run run-2, which brought 0000:41:00.0 up and will take it down again',
    );
    for (const own of [pfLeaseOf, raisedLeaseOf])
      expect(taken(ask({ pf: 'ens101' }, inUse(leased(own('0000:41:00.0'), lease('run-1', 'x')))))).to.deep.equal([
        '0000:41:11.2',
      ]);
  });

  it('takes no VF for free where a domain that may have it can not be read', () => {
    const known = inUse();
    const [address] = taken(ask({ pf: 'ens101' }));
    const vf = known.nics.flatMap(({ vfs }) => vfs).find((one) => one.address === address);
    const ownerWith = (...domains: readonly string[]): string | undefined =>
      vf && ownerOfVf({ ...known, domains }, vf, asker);
    expect(ownerWith()).to.equal(undefined);
    expect(ownerWith('<domain><devices><hostdev')).to.match(/^domain \(a domain that can't be read: /);
    // One that gives no device away is none of ours to read.
    expect(ownerWith('<domain><devices>')).to.equal(undefined);
  });

  it('sees a VF in use by the process that holds its group', () => {
    const inventory = inUse((host) => {
      host.commands[1] = '4711 qemu-system-x86 /dev/vfio/13\n';
    });
    const [vf] = inventory.nics.find(({ address }) => address === '0000:41:00.0')?.vfs ?? [];
    expect(vf && ownerOfVf(inventory, vf, asker)).to.equal('process 4711 (qemu-system-x86)');
  });
});

describe('VFs by number', () => {
  it('are in the order of their numbers, whatever order the files came in', () => {
    // With ten VFs and more, names sorted as text put 10 before 2: VF 3 was another one then.
    const vfs = Array.from(
      { length: 12 },
      (_, index) =>
        `/sys/bus/pci/devices/0000:41:00.0/virtfn${String(index)} ../0000:${(0x50 + index).toString(16)}:00.0`,
    );
    fc.assert(
      fc.property(fc.shuffledSubarray(vfs, { minLength: 12 }), (shuffled) => {
        const { virtual } = parseLinks(shuffled.join('\n'));
        for (let index = 0; index < 12; index++)
          expect(virtual.get(`0000:${(0x50 + index).toString(16)}:00.0`)).to.deep.equal({ pf: '0000:41:00.0', index });
      }),
    );
    const sorted = inUse((host) => {
      host.commands[0] = (host.commands[0] ?? '').split('\n').sort().reverse().join('\n');
    });
    expect(sorted.nics.flatMap((pf) => pf.vfs).map(({ index, address }) => [index, address])).to.deep.equal([
      [0, '0000:41:10.0'], [1, '0000:41:10.2'], [2, '0000:41:10.4'], [3, '0000:41:10.6'], [4, '0000:41:11.0'], [5, '0000:41:11.2'],
    ]); // prettier-ignore
  });
});

describe('preconditions of giving a device away', () => {
  it('are met by a host with IOMMU, remapping and vfio-pci', () => {
    const inventory = inUse();
    expect(vfioRefusals(inventory)).to.deep.equal([]);
    for (const device of inventory.nics.flatMap((pf) => [pf, ...pf.vfs]))
      expect(groupRefusals(inventory, device)).to.deep.equal([]);
  });

  it('name the kernel parameter where the IOMMU is off', () => {
    const off = (parameter: string, cpu: string) =>
      vfioRefusals(
        inUse((host) => {
          host.names = host.names.filter((name) => !name.includes('iommu'));
          host.files['/proc/cmdline'] = `quiet ${parameter}\n`;
          host.files['/proc/cpuinfo'] = `vendor_id\t: ${cpu}\n`;
        }),
      );
    expect(off('', 'GenuineIntel')[0]).to.deep.include({
      message: 'the IOMMU is off: there are no IOMMU groups',
      hint: 'Enable VT-d in the firmware and boot with intel_iommu=on iommu=pt.',
    });
    expect(off('', 'AuthenticAMD')[0]?.hint).to.equal(
      'Enable AMD-Vi (IOMMU) in the firmware and boot with amd_iommu=on iommu=pt.',
    );
    expect(off('intel_iommu=off', 'GenuineIntel')[0]?.hint).to.include(
      'boot without intel_iommu=off and with intel_iommu=on',
    );
  });

  it('want interrupt remapping, or somebody who does without knowingly', () => {
    const without = (extra: Readonly<Record<string, string>>) =>
      vfioRefusals(
        inUse((host) => {
          Object.assign(host.files, { '/proc/interrupts': '           CPU0\n  0:  1  IO-APIC 2-edge timer\n' }, extra);
        }),
      );
    expect(
      without({})
        .map(({ message }) => message)
        .join(),
    ).to.include('interrupts are not remapped');
    expect(without({ '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts': 'Y\n' })).to.deep.equal([]);
  });

  it('want vfio-pci', () => {
    const [refusal] = vfioRefusals(inUse((host) => void (host.commands[4] = 'no\n')));
    expect(refusal?.hint).to.include('linux-image-amd64');
  });

  it('name the neighbours in a group that is not isolated, and the bridge that does not separate them', () => {
    const inventory = inUse((host) => {
      host.commands[0] = (host.commands[0] ?? '').replaceAll(/iommu_groups\/1[3-9]$/gm, 'iommu_groups/11');
    });
    const vf = inventory.nics.flatMap((pf) => pf.vfs)[5];
    const [refusal] = vf === undefined ? [] : groupRefusals(inventory, vf);
    expect(refusal?.message).to.include('0000:41:11.2 shares IOMMU group 11 with 0000:41:00.0 (igb)');
    expect(refusal?.message).to.include('the bridge 0000:40:00.0 before it does not separate them (ACS)');
  });

  it('want a line, unless the VFs are told to do without', () => {
    const port = (options: object) => {
      const choice = ask({ pf: 'ens102', ...options });
      return 'ports' in choice ? choice.ports[0] : undefined;
    };
    const plain = port({});
    const forced = port({ vfs: [{ link_state: 'enable' }] });
    expect(plain && lineRefusals(plain, false)[0]?.message).to.include('ens102 (0000:42:00.0) has no link');
    expect(plain && lineRefusals(plain, true)).to.deep.equal([]);
    expect(forced && lineRefusals(forced, false)).to.deep.equal([]);
  });
});
