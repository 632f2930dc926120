import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openHost } from '../../lib/host/open.js';
import { parseSshConfig } from '../../lib/host/ssh/config.js';
import { processesWith } from '../support/processes.js';
import { rejection } from './transports.js';
import { eventually } from '../support/eventually.js';

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

  it('is given up when its signal is aborted while ssh -G runs, which takes as long as ssh_config likes', async () => {
    const mark = `76${String(process.pid)}`;
    const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-open-'));
    const path = process.env['PATH'] ?? '';
    const sleeping = async (wanted: boolean): Promise<void> => {
      await eventually('ssh -G', () => processesWith('sleep', mark).length > 0 === wanted, { within: 8000 });
    };
    try {
      await writeFile(join(directory, 'ssh'), `#!/bin/sh\nexec sleep ${mark}\n`);
      await chmod(join(directory, 'ssh'), 0o755);
      process.env['PATH'] = `${directory}:${path}`;
      const controller = new AbortController();
      const hosts = new Map([['slow', { address: 'slow.invalid', host_key: 'strict' as const }]]);
      const opening = rejection(openHost('slow', hosts, { signal: controller.signal }));
      await sleeping(true);
      controller.abort();
      expect(await opening).to.include({
        fault: 'interrupted',
        message: 'slow.invalid: reading ssh_config: interrupted',
      });
      await sleeping(false);
    } finally {
      process.env['PATH'] = path;
      await rm(directory, { recursive: true, force: true });
    }
    // It would be ended after 10 s in any case.
  }).timeout(9000);
});
