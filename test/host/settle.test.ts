import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { expect } from 'chai';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { removeRun, settle } from '../../lib/host/runs.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { processesWith } from '../support/processes.js';
import { newRun } from './transports.js';
import { eventually } from '../support/eventually.js';

describe('Commands that a dead controller has left', () => {
  const run = newRun();
  let sshd: Sshd;
  before(async () => {
    sshd = await startSshd();
  });
  after(async () => {
    await sshd[Symbol.asyncDispose]();
  });

  const transports: Readonly<Record<string, () => Promise<Host>>> = {
    'on this machine': () => Promise.resolve(localHost('local', { run })),
    'behind SSH': () => openSshHost('node1', sshd.spec(), { run }),
  };
  for (const [where, open] of Object.entries(transports))
    it(`are waited for ${where}; jobs, other runs and what waits for jobs are not`, async () => {
      await using host = await open();
      await using cleaner = localHost();
      const job = await host.start({ run, name: 'job', argv: ['sleep', '3601'] });
      const waiting = job.wait({ timeout: 30_000 }).catch(() => undefined);
      const mark = `2.${String(process.pid)}`;
      let ended = false;
      const command = host.exec(['sleep', mark]).then(() => {
        ended = true;
      });
      await eventually('the command to run', () => processesWith('sleep', mark).length > 0);
      await settle(cleaner, `${run}0`);
      expect(ended).to.equal(false);
      await settle(cleaner, run);
      expect(processesWith('sleep', mark)).to.be.empty;
      await command;
      expect(await job.running()).to.equal(true);
      await settle(cleaner, run);
      await removeRun(cleaner, run);
      await waiting;
    });

  it('are waited for, too, where a login shell or sudo is about to start them', async () => {
    const host = localHost('local', { run });
    const line = `sleep 1; exec env KVM4NFV_EXEC=${run}/${randomUUID()} sleep 1`;
    const began = performance.now();
    const shell = promisify(execFile)('sh', ['-c', line]);
    await settle(host, run);
    expect(performance.now() - began).to.be.above(1900);
    await shell;
  });
});
