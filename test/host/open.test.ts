import { expect } from 'chai';
import { openHost } from '../../lib/host/open.js';
import { parseSshConfig } from '../../lib/host/ssh-config.js';
import { rejection } from './transports.js';

describe('Opening a host', () => {
  it('of a suite that has no address gives this machine, and one that is not there is an error', async () => {
    const hosts = new Map([['here', { host_key: 'strict' as const }]]);
    await using host = await openHost('here', hosts);
    expect(host).to.include({ transport: 'local', name: 'here' });
    expect(await rejection(openHost('there', hosts)))
      .to.have.property('message')
      .that.includes('there are here');
  });

  it('reads what ssh -G prints', () => {
    const config = parseSshConfig('Pseudo-terminal will not\nhost a\nidentityfile ~/.ssh/x y\nidentityfile z\n');
    expect(config.get('identityfile')).to.deep.equal(['~/.ssh/x y', 'z']);
  });
});
