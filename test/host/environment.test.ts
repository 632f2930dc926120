import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { runOnTerminal } from '../../lib/host/terminal.js';
import { rejection } from '../support/rejection.js';

describe('a command of this machine', function () {
  this.timeout(60_000);
  const name = 'KVM4NFV_PASSPHRASE';

  it('does not see the passphrase of a key, nor does a job or what has the terminal', async () => {
    await using host = localHost();
    const seen = ['sh', '-c', `test -z "\${${name}+there}"`];
    process.env[name] = 'open sesame';
    try {
      expect((await host.exec(['sh', '-c', `echo "[$${name}]"`])).stdout).to.equal('[]\n');
      expect((await host.exec(['env'])).stdout).to.not.contain('open sesame');
      expect(await runOnTerminal(seen)).to.equal(0);
      await using job = await host.start({ run: 'test-environment', name: `job-${String(process.pid)}`, argv: seen });
      expect((await job.wait({ timeout: 30_000 })).exitCode).to.equal(0);
    } finally {
      delete process.env['KVM4NFV_PASSPHRASE'];
    }
    process.env[name] = '';
    expect(await runOnTerminal(seen)).to.equal(0);
    delete process.env['KVM4NFV_PASSPHRASE'];
  });

  it('is given up in time though a child of it holds its output that shed group and marker', async () => {
    await using host = localHost();
    const began = performance.now();
    // The child is none of ours any more: it ends by itself.
    const shed = 'env -i setsid sleep 30 & wait';
    const error = await rejection(host.exec(['sh', '-c', shed], { timeout: 500 }));
    expect(String(error)).to.contain('longer than 0.5 s');
    expect(performance.now() - began).to.be.below(20_000);
  });
});
