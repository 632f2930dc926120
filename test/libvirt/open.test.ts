import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { LibvirtError } from '../../lib/libvirt/error.js';
import { openHypervisor } from '../../lib/libvirt/open.js';
import { checkUri } from '../../lib/libvirt/open.js';
import { ownershipElement } from '../../lib/libvirt/ownership.js';
import { formatXml } from '../../lib/libvirt/xml/document.js';
import { element } from '../../lib/libvirt/xml/element.js';
import { Kvm4nfvError } from '../../lib/error.js';
import { noLibvirtd, startLibvirtd } from '../support/libvirtd.js';
import { rejection } from '../support/rejection.js';

const network = (name: string, run?: string): string =>
  formatXml(
    element(
      'network',
      {},
      element('name', {}, name),
      run !== undefined && element('metadata', {}, ownershipElement({ run, context: 'net' })),
      element('bridge', { name: `k4n-${name}` }),
    ),
  );

describe('networks on a real libvirtd', () => {
  it('are created, found by run, left alone when not ours, and destroyed', async function () {
    this.timeout(120_000);
    const why = await noLibvirtd();
    if (why !== undefined) {
      console.log(`      skipped: ${why}`);
      this.skip();
    }
    await using libvirtd = await startLibvirtd({ network: true });
    await using hypervisor = await openHypervisor(localHost(), libvirtd.uri, { implementation: 'virsh' });
    expect(await hypervisor.createNetwork(network('one', 'run-1'))).to.equal('one');
    await hypervisor.createNetwork(network('two', 'run-2'));
    await hypervisor.createNetwork(network('three'));
    expect(await hypervisor.ourNetworks()).to.have.members(['one', 'two']);
    expect(await hypervisor.ourNetworks('run-2')).to.deep.equal(['two']);
    expect(await hypervisor.networkXml('one')).to.contain('<name>one</name>');
    for (const name of ['one', 'two', 'three']) await hypervisor.destroyNetwork(name);
    expect(await hypervisor.ourNetworks()).to.deep.equal([]);
    expect(await rejection(hypervisor.destroyNetwork('one'))).to.have.property('codeName', 'VIR_ERR_NO_NETWORK');
  });
});

describe('openHypervisor', () => {
  it('takes URIs of the QEMU driver and refuses others', () => {
    for (const uri of ['qemu:///system', 'qemu:///session', 'qemu+ssh://root@192.0.2.1/system', 'test:///default'])
      expect(checkUri(uri)).to.equal(uri);
    for (const uri of ['xen:///', 'qemu', 'qemu:///system; rm', '-c', ''])
      expect(() => checkUri(uri), uri).to.throw(Kvm4nfvError);
  });

  it('falls back to virsh where the binding is not there, and says why where it was asked for', async () => {
    const nowhere = { bindingFrom: '/nonexistent' };
    expect((await openHypervisor(localHost(), 'test:///default', nowhere)).implementation).to.equal('virsh');
    const error = await rejection(
      openHypervisor(localHost(), 'test:///default', { ...nowhere, implementation: 'binding' }),
    );
    expect(error).to.include({ fault: 'environment' });
    expect(error).to.have.property('hint').that.contains('npm i @unraid/libvirt');
  });

  it("says that no libvirtd listens, in libvirt's words", async () => {
    const hypervisor = await openHypervisor(localHost(), 'qemu+unix:///system?socket=/nonexistent/socket', {
      implementation: 'virsh',
    });
    const error = await rejection(hypervisor.list());
    expect(error).to.be.instanceOf(LibvirtError);
    expect(error).to.have.property('text').that.contains("Failed to connect socket to '/nonexistent/socket'");
    expect(error).to.have.property('hint').that.contains('start libvirtd');
  });
});
