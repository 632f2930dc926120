import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { localHost } from '../../lib/host/local.js';
import { buildImage } from '../../lib/image/build.js';
import { imageManifestSchema } from '../../lib/image/manifest.js';

const grub = '/usr/lib/grub/i386-pc';

/** What a cloud image can't be made without on this machine; undefined where nothing is missing. */
export const noCloudImages = (): string | undefined =>
  existsSync(`${grub}/boot.img`) && existsSync('/usr/bin/grub-mkimage')
    ? undefined
    : 'no GRUB for the BIOS (grub-pc-bin, grub-common)';

// What makes an image of ours a guest of ours is taken out again: cloud-init, networkd and Debian's own sshd take its place.
const setup = `
printf '#!/bin/sh\\n' >/usr/lib/kvm4nfv/apply
cd /etc/systemd/system
rm -f ssh.service sysinit.target.wants/ssh.service kvm4nfv-control.service /etc/udev/rules.d/90-kvm4nfv.rules
rm -f systemd-networkd.service systemd-networkd.socket systemd-user-sessions.service systemd-sysctl.service
cp /usr/share/openssh/sshd_config /etc/ssh/sshd_config
systemctl enable ssh.service systemd-networkd.service
echo 'datasource_list: [NoCloud]' >/etc/cloud/cloud.cfg.d/90-datasource.cfg
`;

const manifest = imageManifestSchema.parse({
  name: 'test-cloud',
  tools: ['rt-tests'],
  packages: ['cloud-init', 'sudo'],
  size: '1GiB',
  setup,
});

const sector = 512;
const mebibyte = 2 ** 20;

/** A boot sector of GRUB with one partition, of Linux, that begins after a mebibyte. */
const bootSector = (bytes: number): Buffer => {
  const mbr = Buffer.alloc(sector);
  readFileSync(`${grub}/boot.img`).copy(mbr, 0, 0, 440);
  mbr.writeUInt8(0x80, 446);
  mbr.writeUInt8(0x83, 450);
  mbr.writeUInt32LE(mebibyte / sector, 454);
  mbr.writeUInt32LE(bytes / sector, 458);
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
};

const sha256 = async (path: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
};

/**
 * A cloud image in `directory`, made of Debian's packages: it boots by its own loader (GRUB), is set up by cloud-init, and
 * has no user but root before.
 */
export const makeCloudImage = async (
  directory: string,
): Promise<{ readonly file: string; readonly sha256: string }> => {
  await using host = localHost('local');
  const built = await buildImage(host, manifest);
  const [disk, core, config] = ['disk.raw', 'core.img', 'grub.cfg'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  execFileSync('dd', [`if=${built.disk}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=sparse', 'status=none']);
  const from = '(hd0,msdos1)/boot';
  writeFileSync(config, `linux ${from}/vmlinuz ${built.cmdline}\ninitrd ${from}/initrd\nboot\n`);
  const modules = ['biosdisk', 'part_msdos', 'ext2', 'linux'];
  execFileSync('grub-mkimage', ['-O', 'i386-pc', '-p', from, '-c', config, '-o', core, ...modules]);
  const image = await open(disk, 'r+');
  await image.truncate(mebibyte + manifest.size);
  await image.write(bootSector(manifest.size), 0, sector, 0);
  await image.write(readFileSync(core), 0, undefined, sector);
  await image.close();
  const kernel = join(built.kernel, '../vmlinuz');
  for (const [path, name] of [
    [kernel, 'vmlinuz'],
    [built.initrd, 'initrd'],
  ] as const)
    execFileSync('/sbin/debugfs', ['-w', '-R', `write ${path} boot/${name}`, `${disk}?offset=${String(mebibyte)}`], {
      stdio: 'pipe',
    });
  const file = join(directory, 'cloud.qcow2');
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, file]);
  return { file, sha256: await sha256(file) };
};
