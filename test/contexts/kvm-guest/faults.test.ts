import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Deployment } from '../../../lib/contexts/context.js';
import { identify, runDirectory } from '../../../lib/contexts/kvm-guest/domain.js';
import { HostGoneError, type Job } from '../../../lib/host/host.js';
import { openHypervisor } from '../../../lib/libvirt/open.js';
import { startLibvirtd, type PrivateLibvirtd } from '../../support/libvirtd.js';
import { rejection } from '../../support/rejection.js';
import { GuestRun, needGuests, noGuests, printed } from './guests.js';
import { qemusOf, traces } from './traces.js';

const killQemu = (run: GuestRun, context: string): void => {
  const pids = qemusOf(`${runDirectory(run.run)}/${context}/`);
  if (pids.length !== 1) throw new Error(`${String(pids.length)} QEMUs of ${context}`);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
};

/** A tool that measures for long, in the place of a scenario's. */
const measuring = (run: GuestRun, { sut }: Deployment, seconds: number): Promise<Job> =>
  sut.start({ run: run.run, name: `trial-${String(seconds)}`, argv: ['sleep', String(seconds)] });

describe('Faults of a guest', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;

  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('faults');
  });

  after(async () => {
    if ((await noGuests()) !== undefined) return;
    await run[Symbol.asyncDispose]();
    expect(traces(run.run)).to.deep.equal([]);
  });

  /** Takes a guest down that is broken already: nothing of it may be in the way. */
  const takeDown = async (guest: Deployment, context: string): Promise<void> => {
    await guest[Symbol.asyncDispose]();
    expect(traces(`${run.run}/${context}`)).to.deep.equal([]);
  };

  it('a QEMU that is killed mid-trial ends the trial at once and says so', async () => {
    const guest = await run.deploy('killed');
    const job = await measuring(run, guest, 3600);
    const waiting = rejection(job.wait());
    killQemu(run, 'killed');
    const error = await waiting;
    expect(error).to.be.instanceOf(HostGoneError);
    expect(String(error)).to.contain('killed: its QEMU has ended');
    expect(await rejection(guest.sut.exec(['true']))).to.be.instanceOf(HostGoneError);
    await job[Symbol.asyncDispose]();
    await takeDown(guest, 'killed');
  });

  it('a kernel that panics mid-trial ends the trial at once, and its console is kept', async () => {
    const guest = await run.deploy('panics');
    const job = await measuring(run, guest, 3600);
    const waiting = rejection(job.wait());
    await guest.sut.exec(['sh', '-c', 'echo c >/proc/sysrq-trigger'], { timeout: 120_000 }).catch(() => undefined);
    expect(String(await waiting)).to.contain('panics: its kernel panicked');
    await job[Symbol.asyncDispose]();
    await takeDown(guest, 'panics');
    expect(await readFile(join(run.directory, 'panics/console-panics.log'), 'utf8')).to.contain(
      'Kernel panic - not syncing',
    );
  });

  it('a QEMU that is killed while the guest boots ends the wait at once, with the stage', async () => {
    const error = await rejection(
      run.deploy(
        'early',
        { warm: false },
        {
          at: (stage) => {
            if (stage === 'waiting for sshd') killQemu(run, 'early');
          },
        },
      ),
    );
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.contain('guest early is not ready: its QEMU has ended (waiting for sshd)');
    expect(traces(`${run.run}/early`)).to.deep.equal([]);
  });

  it('a kernel that panics while it boots is told with the end of the console', async () => {
    const error = await rejection(
      run.deploy('rootless', { warm: false, cmdline: 'rdinit=/nowhere init=/nowhere root=/dev/nothing' }),
    );
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.match(
      /guest rootless is not ready: its kernel panicked \(waiting for sshd\); the end of its console:\n[\s\S]*Kernel panic/,
    );
    expect(traces(`${run.run}/rootless`)).to.deep.equal([]);
  });

  it('a guest without a network is given up at the deadline', async () => {
    const asked = { warm: false, cmdline: 'module_blacklist=virtio_net', boot_timeout: '15s' };
    const error = await rejection(run.deploy('alone', asked));
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.contain('guest alone is not ready: the time for its start is over (waiting for sshd)');
    expect(traces(`${run.run}/alone`)).to.deep.equal([]);
  });

  it('what libvirt refuses is told in its own words', async () => {
    const xml = '<disk type="file" device="disk"><source file="/no/such.img"/><target dev="vdz" bus="virtio"/></disk>';
    const error = await rejection(run.deploy('refused', { warm: false, xml: [{ at: 'devices', xml }] }));
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.match(/create domain refused-\w+: .*\/no\/such\.img/);
    expect(traces(`${run.run}/refused`)).to.deep.equal([]);
  });

  it('an image of the user that is truncated, or another one, is refused before anything is made', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-image-'));
    try {
      const file = join(directory, 'cloud.raw');
      await writeFile(file, Buffer.alloc(2 ** 20, 'image'));
      const sha256 = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
      await truncate(file, 2 ** 19);
      const error = await rejection(run.deploy('cloud', { image: { file, sha256 } }));
      expect(error).to.include({ fault: 'environment' });
      expect(String(error)).to.contain(`instead of ${sha256}`);
      const missing = await rejection(run.deploy('cloud', { image: { file: join(directory, 'none'), sha256 } }));
      expect(missing).to.include({ fault: 'usage' });
      const wrong = await rejection(run.deploy('cloud', { image: { file, sha256, format: 'qcow2' } }));
      expect(String(wrong)).to.match(/instead of|not a qcow2/);
      expect(traces(`${run.run}/cloud`)).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('a disk that is none, or leads to a file of the host, is refused before anything is made', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-disk-'));
    try {
      const path = join(directory, 'leads.qcow2');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', '/etc/hostname', path, '1M']);
      const error = await rejection(run.deploy('spy', { disks: [{ path, format: 'qcow2', read_only: true }] }));
      expect(error).to.include({ code: 'E_IMAGE_UNSAFE', fault: 'usage' });
      expect(String(error)).to.contain("refers to another file '/etc/hostname'");
      expect(traces(`${run.run}/spy`)).to.deep.equal([]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('a connection to another machine is refused', async () => {
    const error = await rejection(run.deploy('far', { connection: 'qemu+ssh://root@192.0.2.1/system' }));
    expect(error).to.include({ fault: 'usage' });
    expect(String(error)).to.contain("leads to another machine than the guest's host");
  });

  for (const stage of [
    'looking for libvirt and the image',
    'starting from a saved state',
    'waiting for sshd',
    'waiting for the end of the boot',
    'reading back what it was given',
  ])
    it(`an interrupt leaves nothing: ${stage}`, async () => {
      const interrupt = new AbortController();
      const deploying = run.deploy(
        'stopped',
        {},
        {
          signal: interrupt.signal,
          at: (reached) => {
            if (reached === stage) interrupt.abort();
          },
        },
      );
      await rejection(deploying);
      expect(interrupt.signal.aborted).to.equal(true);
      expect(traces(`${run.run}/stopped`)).to.deep.equal([]);
    });

  it('an interrupt leaves nothing: booting', async () => {
    const interrupt = new AbortController();
    await rejection(
      run.deploy(
        'stopped',
        { warm: false },
        {
          signal: interrupt.signal,
          at: (reached) => {
            if (reached.startsWith('booting')) interrupt.abort();
          },
        },
      ),
    );
    expect(interrupt.signal.aborted).to.equal(true);
    expect(traces(`${run.run}/stopped`)).to.deep.equal([]);
  });
});

describe('A libvirtd that goes away', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;
  let libvirtd: PrivateLibvirtd;

  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('libvirtd');
    libvirtd = await startLibvirtd();
  });

  after(async () => {
    if ((await noGuests()) !== undefined) return;
    await run[Symbol.asyncDispose]();
    await libvirtd[Symbol.asyncDispose]();
    expect(traces(run.run)).to.deep.equal([]);
  });

  it('and comes back in the middle of a trial changes nothing', async () => {
    const guest = await run.deploy('patient', { connection: libvirtd.uri });
    const job = await measuring(run, guest, 5);
    await libvirtd.kill();
    await sleep(200);
    await libvirtd.restart();
    expect(await job.wait({ timeout: 300_000 })).to.include({ exitCode: 0 });
    await job[Symbol.asyncDispose]();
    expect(await printed(guest, 'hostname')).to.equal('patient');
    await guest[Symbol.asyncDispose]();
    expect(await readdir(join(libvirtd.directory, 'run/libvirt/qemu'))).not.to.include(
      `${identify(run.run, 'patient', undefined).name}.xml`,
    );
    expect(qemusOf(run.run)).to.deep.equal([]);
  });

  it('leaves a domain of the same name alone that is not ours', async () => {
    const { name } = identify(run.run, 'taken', undefined);
    await using hypervisor = await openHypervisor(run.host, libvirtd.uri, { implementation: 'virsh' });
    await hypervisor.define(
      `<domain type="qemu"><name>${name}</name><memory unit="MiB">64</memory><os><type arch="x86_64" machine="q35">hvm</type></os></domain>`,
    );
    const before = await hypervisor.xml(name);
    const error = await rejection(run.deploy('taken', { connection: libvirtd.uri, warm: false }));
    expect(error).to.include({ fault: 'environment' });
    expect(String(error)).to.contain(`domain '${name}' already exists`);
    expect(await hypervisor.xml(name)).to.equal(before);
    await hypervisor.undefine(name);
    expect(traces(`${run.run}/taken`)).to.deep.equal([]);
  });

  it('for good does not keep a guest from being taken down', async () => {
    const guest = await run.deploy('orphan', { connection: libvirtd.uri });
    await libvirtd.kill();
    expect(await printed(guest, 'hostname')).to.equal('orphan');
    await guest[Symbol.asyncDispose]();
    expect(qemusOf(run.run)).to.deep.equal([]);
    await libvirtd.restart();
  });
});
