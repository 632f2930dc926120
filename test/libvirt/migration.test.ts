import { expect } from 'chai';
import { join } from 'node:path';
import { localHost } from '../../lib/host/local.js';
import { domainXml } from '../../lib/libvirt/domain/domain-xml.js';
import { openHypervisor } from '../../lib/libvirt/open.js';
import { migrateArguments } from '../../lib/libvirt/virsh/migrate-args.js';
import { noLibvirtd, startLibvirtd } from '../support/libvirtd.js';

const options = {
  name: 'kvm4nfv-migrate',
  owner: { run: 'migration', context: 'guest' },
  accelerator: 'tcg' as const,
  cpu: { vcpus: 1 },
  memory: { size: 32 * 2 ** 20 },
};

describe('migration', () => {
  it('hands its options to virsh', () => {
    expect(
      migrateArguments('d', 'qemu+ssh://h/system', {
        peerToPeer: true,
        parallel: 2,
        bandwidth: 100,
        autoConverge: true,
        copyStorage: 'all',
        xml: '<domain/>',
      }),
    ).to.deep.equal([
      'migrate',
      '--domain',
      'd',
      '--desturi',
      'qemu+ssh://h/system',
      '--live',
      '--p2p',
      '--auto-converge',
      '--bandwidth',
      '100',
      '--copy-storage-all',
      '--parallel',
      '--parallel-connections',
      '2',
      '--xml',
      '/dev/stdin',
    ]);
  });

  it('moves a running guest to another libvirtd and tells how long it took', async function () {
    this.timeout(180_000);
    const why = await noLibvirtd();
    if (why !== undefined) {
      console.log(`      skipped: ${why}`);
      this.skip();
    }
    // In namespaces of their own the two have no network between them: memory goes through a socket.
    await using from = await startLibvirtd({ network: true });
    await using to = await startLibvirtd({ network: true });
    await using source = await openHypervisor(localHost(), from.uri, { implementation: 'virsh' });
    await using destination = await openHypervisor(localHost(), to.uri, { implementation: 'virsh' });
    await source.define(domainXml(options));
    await source.start(options.name);
    await source.setMaxDowntime(options.name, 500);
    await source.migrate(options.name, to.uri, {
      peerToPeer: true,
      migrateUri: `unix://${join(from.directory, 'migrate')}`,
    });
    expect((await destination.info(options.name)).state).to.equal('running');
    expect((await destination.ours('migration')).map(({ name }) => name)).to.deep.equal([options.name]);
    const job = await source.job(options.name, { completed: true });
    expect(job.type).to.equal('completed');
    expect(job.downtime).to.be.greaterThan(0);
    expect(job.memoryTotal).to.be.at.least(32 * 2 ** 20);
    await destination.destroy(options.name);
    await source.undefine(options.name);
  });
});
