import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Job } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { listJobs, removeRun } from '../../lib/host/runs.js';
import { newGuestKeys } from '../../lib/image/keys.js';
import { attachVirtualHost, listVirtualHosts, removeVirtualHost, wireOf } from '../../lib/lab/find.js';
import { prepareInstance, type MachineRecord, type Prepared } from '../../lib/lab/instance.js';
import { labDirectory } from '../../lib/lab/places.js';
import { jobName, writeRecord } from '../../lib/lab/virtual-host.js';
import { refusal } from './refusal.js';

describe('A virtual host that is looked for', () => {
  const host = localHost();
  const directory = join(mkdtempSync(join(tmpdir(), 'kvm4nfv-find-')), 'lab');
  const machine = { run: `findtest-${randomUUID().slice(0, 8)}`, name: 'm' };
  const keys = newGuestKeys(machine.run, machine.name);
  let lab: string;

  before(async function () {
    const base = join(directory, '../base.raw');
    const made = await host.exec(['qemu-img', 'create', '-q', '-f', 'raw', base, '1M'], { check: false });
    if (made.exitCode !== 0) this.skip();
    lab = await labDirectory(host, { directory });
  });
  afterEach(() => removeRun(host, machine.run));
  after(() => {
    rmSync(join(directory, '..'), { recursive: true, force: true });
  });

  const prepare = (): Promise<Prepared> =>
    prepareInstance(host, lab, machine, {
      imageTool: 'qemu-img',
      backing: { path: join(directory, '../base.raw'), format: 'raw' },
    });
  const start = (): Promise<Job> =>
    host.start({ run: machine.run, name: jobName(machine.name), argv: ['sleep', '600'] });
  const record = async ({ directory: place, sshPort, wire }: Prepared): Promise<MachineRecord> => {
    const hostKey = keys.host.publicKey;
    const written: MachineRecord = { schemaVersion: 1, ...machine, sshPort, wire, hostKey, startedAt: '', options: {} };
    await writeRecord(host, place, written, keys.client.privateKey);
    return written;
  };
  const list = () => listVirtualHosts(host, { directory });
  const left = async (): Promise<readonly string[]> => [
    ...readdirSync(join(lab, 'machines')),
    ...readdirSync(join(lab, 'ports')).filter((name) => name !== 'lock'),
    ...(await listJobs(host)).filter(({ run }) => run === machine.run).map(({ name }) => name),
  ];

  it('is running, with its record and its wire', async () => {
    const prepared = await prepare();
    const written = await record(prepared);
    const job = await start();
    expect(await list()).to.deep.equal([{ ...machine, record: written, state: 'running' }]);
    expect(await wireOf(host, machine, { directory })).to.deep.equal(prepared.wire);
    expect((await attachVirtualHost(host, machine, { directory })).job.pid).to.equal(job.pid);
    await removeVirtualHost(host, machine, { directory });
    expect(await left()).to.be.empty;
  });

  it('has ended when its machine has forgotten the job, as after a reboot, and can be removed', async () => {
    const written = await record(await prepare());
    expect(await list()).to.deep.equal([{ ...machine, record: written, state: 'ended' }]);
    expect(await refusal(attachVirtualHost(host, machine, { directory }))).to.match(/does not run any more/);
    await removeVirtualHost(host, machine, { directory });
    expect(await left()).to.be.empty;
  });

  it('is broken without a record, and is removed with the QEMU that may run', async () => {
    await prepare();
    await start();
    expect(await list()).to.deep.equal([{ ...machine, state: 'broken' }]);
    expect(await refusal(attachVirtualHost(host, machine, { directory }))).to.match(/broken: its start was cut short/);
    await removeVirtualHost(host, machine, { directory });
    expect(await left()).to.be.empty;
  });

  it('is removed though only its QEMU is left', async () => {
    await start();
    await removeVirtualHost(host, machine, { directory });
    expect(await left()).to.be.empty;
  });

  it('is refused where there is nothing of it', async () => {
    for (const look of [attachVirtualHost, wireOf, removeVirtualHost])
      expect(await refusal(look(host, machine, { directory }))).to.match(/there is no virtual host findtest-.*\/m$/);
  });
});
