import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { missingParameters } from '../../lib/tuning/cmdline.js';
import { parseGrubConfig } from '../../lib/tuning/boot/grub-config.js';
import { unasked } from '../../lib/tuning/boot/prove.js';
import { wanted } from './boot-machine.js';

const rounds = process.env['KVM4NFV_KILLS'] ?? '4';
const images = '/var/cache/kvm4nfv/images';
const kernelOf = (): string | undefined =>
  (existsSync(images) ? readdirSync(images) : []).map((name) => join(images, name, 'vmlinuz')).find(existsSync);
const needed = ['/usr/sbin/grub-mkconfig', '/usr/lib/grub/i386-pc/modinfo.sh', '/dev/loop-control'];

const megabyte = 2 ** 20;
const makeDisk = async (path: string): Promise<void> => {
  const file = await open(path, 'w');
  await file.truncate(128 * megabyte);
  await file.close();
};

interface Outcome {
  readonly name: string;
  readonly cycle: number;
  readonly before: string;
  readonly during: string;
  readonly rounds: readonly { readonly whole: boolean; readonly complete: boolean; readonly same: boolean }[];
}

const local = localHost();
const inDisk = async (disk: string, kernel: string, args: readonly string[]): Promise<Outcome> => {
  const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', path('./grub-disk/disk.sh'), disk, kernel];
  const program = [process.execPath, '--import', 'tsx', path('./grub-disk/kills.ts'), ...args];
  const { stdout } = await local.exec([...argv, path('../..').replace(/\/$/, ''), ...program], { timeout: 3_600_000 });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Outcome;
};

/** What the kernel that the disk boots says of its command line, started by the firmware and GRUB of an emulated machine. */
const bootedLine = async (disk: string): Promise<string> => {
  const drive = `file=${disk},format=raw,if=virtio,snapshot=on`;
  const argv = [
    'qemu-system-x86_64',
    '-M',
    'pc',
    '-accel',
    'tcg',
    '-cpu',
    'max',
    '-m',
    '512',
    '-nographic',
    '-no-reboot',
  ];
  const { stdout } = await local.exec([...argv, '-nic', 'none', '-drive', drive], { check: false, timeout: 240_000 });
  return /Kernel command line: (.*?)\r?\n/.exec(stdout)?.[1] ?? stdout.slice(-2000);
};

const linesOf = (menu: string): string[] => parseGrubConfig(menu).entries.map(({ line }) => line);

describe('a disk with GRUB on it', function () {
  this.timeout(3_600_000);
  let directory = '';
  let disk = '';
  let kernel = '';
  before(async function () {
    const found = kernelOf();
    if (found === undefined || process.getuid?.() !== 0 || !needed.every(existsSync)) this.skip();
    kernel = found;
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-grub-test-'));
    disk = join(directory, 'disk.raw');
    await makeDisk(disk);
  });
  after(() => (directory === '' ? undefined : rm(directory, { recursive: true })));

  it(`has a whole menu, and the old one again, after the controller was killed at ${rounds} random moments`, async () => {
    const outcome = await inDisk(disk, kernel, [rounds]);
    expect(outcome.name).to.equal('set grub');
    expect(outcome.rounds).to.have.length(Number(rounds) + 1);
    for (const round of outcome.rounds) expect(round).to.include({ whole: true, complete: true, same: true });
    if (process.env['KVM4NFV_KILLS'] !== undefined)
      console.log(JSON.stringify({ cycle: outcome.cycle, rounds: outcome.rounds }));
    const line = await bootedLine(disk);
    expect(line).to.match(
      /root=\S+ ro rd\.lvm\.lv=vg\/root cryptdevice=UUID=0000:cryptroot console=ttyS0 isolcpus=7 net\.ifnames=0 splash panic=1\s*$/,
    );
  });

  it('boots with what was asked for and all that it had, its recovery entry too', async () => {
    await makeDisk(disk);
    const { before: old, during } = await inDisk(disk, kernel, ['0', 'leave']);
    const [normal = '', , recovery = ''] = linesOf(during);
    const [oldNormal = '', , oldRecovery = ''] = linesOf(old);
    expect(missingParameters(normal, wanted)).to.deep.equal([]);
    expect(recovery)
      .to.contain('single rd.lvm.lv=vg/root cryptdevice=UUID=0000:cryptroot console=ttyS0')
      .and.not.contain('skew_tick');
    expect(unasked(oldRecovery, recovery, wanted)).to.deep.equal([]);
    expect(unasked(oldNormal, normal, wanted)).to.deep.equal([]);
    const line = await bootedLine(disk);
    expect(line).to.match(
      /cryptdevice=UUID=0000:cryptroot console=ttyS0 isolcpus=domain,2-3 net\.ifnames=0 splash panic=1 skew_tick=1\s*$/,
    );
  });
});
