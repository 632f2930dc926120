import { expect } from 'chai';
import { driverOf, portsOf, sriovVfOptions } from '../../../lib/contexts/sriov-vf/options.js';
import { deriveMac } from '../../../lib/contexts/sriov-vf/prepare.js';
import { contextUnit } from '../../../lib/contexts/sriov-vf/store.js';

describe('options of sriov-vf', () => {
  const wrong = (options: object): string =>
    sriovVfOptions
      .safeParse(options)
      .error?.issues.map(({ message }) => message)
      .join('; ') ?? '';
  it('take a PF by name, address, driver or node', () => {
    const of = (pf: unknown) => portsOf(sriovVfOptions.parse({ pf }))[0]?.pf;
    expect(of('ens1f0')).to.deep.equal({ name: 'ens1f0' });
    expect(of('0000:3B:00.0')).to.deep.equal({ address: '0000:3b:00.0' });
    expect(of('driver:igb')).to.deep.equal({ driver: 'igb' });
    expect(of(undefined)).to.deep.equal({ numa: 'auto' });
  });

  it('refuse what contradicts itself', () => {
    expect(wrong({ guest: {}, in: 'host' })).to.include('is for VFs without a guest');
    expect(wrong({ guest: {}, driver: 'kernel' })).to.include('a guest needs vfio-pci');
    expect(wrong({ in: 'namespace', driver: 'vfio-pci' })).to.include('only a kernel driver');
    expect(wrong({ passthrough: 'pf', vfs: [{ vlan: 3 }] })).to.include('a PF has no settings of a VF');
    expect(wrong({ in: 'namespace', vfs: [{ ping: '192.0.2.1' }] })).to.include('who pings needs an `address`');
    expect(wrong({ driver: 'vfio-pci', vfs: [{ address: '192.0.2.5/24', ping: '192.0.2.1' }] })).to.include(
      'without an interface nobody can be pinged',
    );
    expect(wrong({ pf: 'a', pfs: [{ pf: 'b' }] })).to.include('in one place');
    expect(wrong({ pf: '../x y' })).to.include('PCI address');
    expect(wrong({ vfs: [{ max_rate: '1.5kbit/s' }] })).to.not.equal('');
  });

  it('bind to vfio-pci for a guest and leave the kernel its driver on the host', () => {
    expect(driverOf(sriovVfOptions.parse({ guest: {} }))).to.equal('vfio-pci');
    expect(driverOf(sriovVfOptions.parse({}))).to.equal('kernel');
  });

  it('make names of directories and MACs that nothing can escape from', () => {
    expect(contextUnit('../../etc')).to.match(/^context-------etc-[0-9a-f]{8}$/);
    expect(deriveMac({ run: 'r', context: 'c' }, { pf: '0000:41:00.0', index: 1 })).to.match(/^52(:[0-9a-f]{2}){5}$/);
  });
});
