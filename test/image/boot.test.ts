import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { buildImage } from '../../lib/image/build.js';
import type { BuiltImage } from '../../lib/image/built-image.js';
import { verifyImage } from '../../lib/image/cache.js';
import { firstBootDisk, restoreLine, type FirstBootData } from '../../lib/image/first-boot.js';
import { iso9660 } from '../../lib/image/iso9660.js';
import { newGuestKeys } from '../../lib/image/keys.js';
import { builtInManifest } from '../../lib/image/manifest.js';
import { createOverlay } from '../../lib/image/overlay.js';
import { seedFiles } from '../../lib/image/seed.js';
import { freePort, managementMac, Qemu } from './qemu.js';
import { eventually } from '../support/eventually.js';

const dataOf = (guest: string): FirstBootData => ({
  id: `test:${guest}`,
  hostname: guest,
  keys: newGuestKeys('test', guest),
  networks: [{ mac: managementMac, name: 'mgmt0', address: '10.0.2.15/24', gateway: '10.0.2.2' }],
});

const connect = (port: number, data: FirstBootData, deadline = 20_000): Promise<Host> =>
  openSshHost(
    data.hostname,
    { address: '127.0.0.1', port, user: 'root', host_key: 'strict' },
    {
      hostKeys: [data.keys.host.publicKey.split(' ').slice(0, 2).join(' ')],
      privateKey: data.keys.client.privateKey,
      configFile: '/dev/null',
      deadline,
    },
  );

const reach = async (qemu: Qemu, port: number, data: FirstBootData): Promise<Host> => {
  const reached = (): Promise<Host | 'ended'> => (qemu.running ? connect(port, data) : Promise.resolve('ended'));
  const guest = await eventually('the guest', reached, { within: 240_000, every: 200 });
  if (guest === 'ended') throw new Error(`the guest was not reached: ${qemu.said}`);
  return guest;
};

const text = async (guest: Host, ...argv: string[]): Promise<string> => (await guest.exec(argv)).stdout.trim();

describe('A guest of a built image', function () {
  this.timeout(30 * 60_000);
  const host = localHost('local');
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-boot-'));
  const [first, second] = [dataOf('first'), dataOf('second')];
  const machines: Qemu[] = [];
  const guests: Host[] = [];
  let image: BuiltImage;
  let port: number;

  const start = (name: string, incoming?: string): Qemu => {
    const files = {
      image,
      directory,
      name,
      port,
      disk: join(directory, 'disk.qcow2'),
      data: join(directory, `${name}.data`),
    };
    const qemu = new Qemu(incoming === undefined ? files : { ...files, incoming });
    machines.push(qemu);
    return qemu;
  };

  before(async () => {
    image = await buildImage(host, builtInManifest('debian-12'));
    await createOverlay(host, image, join(directory, 'disk.qcow2'));
    await firstBootDisk(host, first, join(directory, 'first.data'));
    await firstBootDisk(host, second, join(directory, 'second.data'));
    port = await freePort();
  });

  after(async () => {
    for (const guest of guests) await guest[Symbol.asyncDispose]();
    for (const machine of machines) await machine.kill();
    await host[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  it('is reached by the keys that were handed in, is whole, and has the tools', async () => {
    const qemu = start('first');
    const guest = await reach(qemu, port, first);
    guests.push(guest);
    expect(await text(guest, 'uname', '-r')).to.equal(image.release);
    expect(await text(guest, 'hostname')).to.equal('first');
    // Other users than root find their keys there.
    expect(await text(guest, 'stat', '-c', '%a %n', '/run/kvm4nfv', '/run/kvm4nfv/authorized_keys')).to.equal(
      '711 /run/kvm4nfv\n644 /run/kvm4nfv/authorized_keys',
    );
    expect(await text(guest, 'systemctl', 'is-system-running', '--wait')).to.equal('running');
    const help = await guest.exec(['cyclictest', '--help'], { check: false });
    expect(help.stdout + help.stderr).to.match(/--histogram/);
    expect(await text(guest, 'sh', '-c', 'command -v stress-ng && command -v ethtool')).to.equal(
      '/usr/bin/stress-ng\n/usr/sbin/ethtool',
    );
    expect(await text(guest, 'ip', '-br', '-4', 'address', 'show', 'mgmt0')).to.match(/UP +10\.0\.2\.15\/24/);
  });

  it('shows the files of a NoCloud seed under their names', async () => {
    const [guest] = guests;
    if (guest === undefined) throw new Error('the guest did not boot');
    const files = new Map([...seedFiles(second, 'tester'), ['long', 'x'.repeat(5000)], ['empty', '']]);
    const script = 'cat >/root/seed && mount -o loop,ro -t iso9660 /root/seed /mnt && cd /mnt && sha256sum *';
    const said = await guest.exec(['sh', '-c', script], { stdin: iso9660('cidata', files) });
    const sum = (text: string): string => createHash('sha256').update(text).digest('hex');
    const wanted = [...files].sort().map(([name, content]) => `${sum(content)}  ${name}`);
    expect(said.stdout.trim().split('\n')).to.deep.equal(wanted);
  });

  it('refuses the key of another run', async () => {
    const stranger = { ...first, keys: { ...first.keys, client: second.keys.client } };
    let refusal: unknown;
    try {
      guests.push(await connect(port, stranger, 60_000));
    } catch (error) {
      refusal = error;
    }
    expect(String(refusal)).to.match(/auth|key/i);
  });

  it('becomes another guest when it is restored from a saved state', async () => {
    const [old] = machines;
    const [guest] = guests;
    if (old === undefined || guest === undefined) throw new Error('the guest did not boot');
    const was = await text(guest, 'cat', '/etc/machine-id', '/proc/sys/kernel/random/boot_id');
    const state = join(directory, 'state');
    await old.qmp({ execute: 'stop' }, { execute: 'migrate', arguments: { uri: `exec:cat >${state}` } });
    const saved = await eventually(
      'the state to be saved',
      async () => {
        const { status = '' } = (await old.qmp({ execute: 'query-migrate' })) as { status?: string };
        return status === 'completed' || status === 'failed' ? status : undefined;
      },
      { within: 240_000, every: 100 },
    );
    expect(saved, old.said).to.equal('completed');
    await old.kill();

    const restored = start('second', state);
    await eventually(
      'the state to be restored',
      async () => {
        const { status = '' } = (await restored.qmp({ execute: 'query-status' })) as { status?: string };
        return status !== 'inmigrate';
      },
      { within: 240_000 },
    );
    await restored.qmp({ execute: 'cont' });
    expect(await restored.control(restoreLine())).to.equal('applied test:second');
    const twin = await reach(restored, port, second);
    guests.push(twin);
    expect(await text(twin, 'hostname')).to.equal('second');
    const is = await text(twin, 'cat', '/etc/machine-id', '/proc/sys/kernel/random/boot_id');
    expect(is.split('\n')[0]).not.to.equal(was.split('\n')[0]);
    expect(is.split('\n')[1], 'restored and not booted').to.equal(was.split('\n')[1]);
    expect(Math.abs(Number(await text(twin, 'date', '+%s')) - Date.now() / 1000)).to.be.lessThan(60);
    expect(await restored.control('nonsense\n')).to.equal('unknown nonsense');
  });

  it('left the base image as it was', async () => {
    await verifyImage(host, image, { full: true });
  });
});
