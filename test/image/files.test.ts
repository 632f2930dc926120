import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { builtImageSchema } from '../../lib/image/built-image.js';
import { findImage, listImages, removeImage, verifyImage } from '../../lib/image/cache.js';
import { newGuestKeys } from '../../lib/image/keys.js';
import { imageManifestSchema, manifestDigest } from '../../lib/image/manifest.js';
import { createOverlay } from '../../lib/image/overlay.js';
import { useImage } from '../../lib/image/own-image.js';
import { seedDisk, seedFiles } from '../../lib/image/seed.js';
import { rejection } from '../support/rejection.js';

const sha = (path: string, algorithm = 'sha256'): string =>
  createHash(algorithm).update(readFileSync(path)).digest('hex');

describe('Files of images', () => {
  const host = localHost('local');
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-image-'))));
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  after(() => host[Symbol.asyncDispose]());

  const newImage = (name: string, format: 'raw' | 'qcow2' = 'raw'): string => {
    const path = join(directory, name);
    execFileSync('qemu-img', ['create', '-q', '-f', format, path, '1M']);
    return path;
  };

  describe('an overlay', () => {
    it('takes the writes, leaves its base alone and is gone when disposed', async () => {
      const base = newImage('base');
      const before = sha(base);
      const overlay = await createOverlay(host, { disk: base, format: 'raw' }, join(directory, 'o'), { size: 2 ** 21 });
      execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 64k', overlay.path]);
      const info = JSON.parse(
        execFileSync('qemu-img', ['info', '--output=json', overlay.path], { encoding: 'utf8' }),
      ) as object;
      expect(info).to.include({ 'virtual-size': 2 ** 21, 'backing-filename': base, 'backing-filename-format': 'raw' });
      expect(sha(base)).to.equal(before);
      await overlay[Symbol.asyncDispose]();
      expect(readdirSync(directory)).to.deep.equal(['base']);
    });

    it('never takes the place of a file, is not smaller than its base, and needs one', async () => {
      const base = { disk: newImage('base'), format: 'raw' } as const;
      const there = await rejection(createOverlay(host, base, base.disk));
      expect(there).to.match(/is there already/);
      expect(await rejection(createOverlay(host, base, join(directory, 'o'), { size: 512 }))).to.match(
        /overlay of 512 bytes/,
      );
      expect(await rejection(createOverlay(host, { ...base, disk: '/nowhere' }, join(directory, 'o')))).to.match(
        /nowhere/,
      );
      expect(readdirSync(directory)).to.deep.equal(['base']);
    });
  });

  describe("a user's image", () => {
    it('is taken with the right checksum of either kind, and its format told from its content', async () => {
      const [raw, qcow2] = [newImage('a'), newImage('b', 'qcow2')];
      const cache = join(directory, 'cache');
      expect(await useImage(host, { path: raw, sha256: sha(raw) }, { cache })).to.include({ disk: raw, format: 'raw' });
      const own = await useImage(host, { path: qcow2, sha512: sha(qcow2, 'sha512').toUpperCase() }, { cache });
      expect(own.format).to.equal('qcow2');
    });

    it('is refused when it is truncated, even where its checksum was right before', async () => {
      const path = newImage('a', 'qcow2');
      const spec = { path, sha256: sha(path) };
      const cache = join(directory, 'cache');
      await useImage(host, spec, { cache });
      truncateSync(path, statSync(path).size - 1);
      expect(await rejection(useImage(host, spec, { cache }))).to.match(/has the sha256 .* instead of/);
    });

    it('is refused by its header although its checksum is right, and a wrong checksum is explained by it', async () => {
      const cache = join(directory, 'cache');
      const path = join(directory, 'disk.img');
      execFileSync('qemu-img', ['create', '-q', '-f', 'vmdk', path, '1M']);
      expect(await rejection(useImage(host, { path, sha256: sha(path) }, { cache }))).to.match(/is a VMDK image/);
      writeFileSync(path, '<html><title>404');
      expect(await rejection(useImage(host, { path, sha256: '0'.repeat(64) }, { cache }))).to.match(
        /instead of 0{64}, and it is a page of HTML/,
      );
    });

    it('is refused without a checksum, and when it refers to another file', async () => {
      newImage('base');
      const path = join(directory, 'o');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', join(directory, 'base'), path]);
      const cache = join(directory, 'cache');
      expect(await rejection(useImage(host, { path }, { cache }))).to.match(/no checksum/);
      expect(await rejection(useImage(host, { path, sha256: sha(path) }, { cache }))).to.match(
        /refers to another file/,
      );
    });
  });

  describe('a NoCloud seed', () => {
    const data = {
      id: 'run:guest',
      hostname: 'guest',
      keys: newGuestKeys('run', 'guest'),
      networks: [{ mac: '52:54:00:00:00:01', name: 'mgmt0', address: '192.0.2.2/24', gateway: '192.0.2.1' }],
      nameservers: ['192.0.2.1'],
    };

    it('is an ISO 9660 file system labelled cidata that only its owner can read', async () => {
      const path = join(directory, 'seed');
      await seedDisk(host, data, 'tester', path);
      expect(statSync(path).mode & 0o777).to.equal(0o600);
      const said = execFileSync('blkid', ['-p', '-o', 'export', path], {
        encoding: 'utf8',
        env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' },
      });
      expect(said)
        .to.match(/^TYPE=iso9660$/m)
        .and.match(/^LABEL=cidata$/m);
    });

    it('hands in key and host key, and lets no password in', () => {
      const text = seedFiles(data, 'tester').get('user-data') ?? '';
      expect(text).to.match(/^#cloud-config\n/);
      const config = JSON.parse(text.slice(text.indexOf('\n'))) as {
        users: unknown;
        ssh_keys: unknown;
        ssh_pwauth: unknown;
      };
      expect(config.ssh_keys).to.deep.equal({
        ed25519_private: data.keys.host.privateKey,
        ed25519_public: data.keys.host.publicKey,
      });
      expect(JSON.stringify(config.users)).to.contain(data.keys.client.publicKey).and.not.contain('PRIVATE');
      expect(config.ssh_pwauth).to.equal(false);
    });
  });

  describe('the cache', () => {
    const manifest = imageManifestSchema.parse({ name: 'a' });
    const digest = manifestDigest(manifest);

    /** What the builder leaves, with small files. */
    const leave = (): string => {
      const at = join(directory, digest);
      mkdirSync(at);
      for (const name of ['disk.raw', 'initrd', 'vmlinuz']) writeFileSync(join(at, name), name);
      writeFileSync(join(at, 'manifest.json'), JSON.stringify(manifest));
      writeFileSync(join(at, 'mode'), 'root\n');
      writeFileSync(join(at, 'release'), '6.1.0-1-cloud-amd64\n');
      writeFileSync(join(at, 'packages'), 'bash\t5.2\nudev\t252\n');
      const shell =
        'cd "$1" && sha256sum disk.* initrd vmlinuz >sums && stat -c "%n %s %.9Y" disk.* initrd vmlinuz >stamps';
      execFileSync('sh', ['-c', shell, 'sh', at]);
      return at;
    };

    it('seals what was built, lists it, and removes it', async () => {
      const at = leave();
      const [image] = await listImages(host, { cache: directory });
      expect(image).to.deep.include({ digest, release: '6.1.0-1-cloud-amd64', packages: { bash: '5.2', udev: '252' } });
      expect(image?.files['initrd']?.sha256).to.equal(sha(join(at, 'initrd')));
      builtImageSchema.parse(JSON.parse(readFileSync(join(at, 'image.json'), 'utf8')));
      await removeImage(host, digest, { cache: directory });
      expect(readdirSync(directory)).to.deep.equal([]);
      expect(await rejection(removeImage(host, '../x', { cache: directory }))).to.match(/not the digest/);
    });

    it('finds a file that is truncated, gone, changed, or changed behind its time stamp', async () => {
      const at = leave();
      const image = await findImage(host, directory, digest);
      if (image === undefined) throw new Error('no image');
      await verifyImage(host, image, { full: true });
      const disk = join(at, 'disk.raw');
      const stamp = execFileSync('stat', ['-c', '%.9Y', disk], { encoding: 'utf8' }).trim();
      writeFileSync(disk, 'DISK.RAW');
      execFileSync('touch', ['-d', `@${stamp}`, disk]);
      await verifyImage(host, image);
      expect(await rejection(verifyImage(host, image, { full: true }))).to.match(/disk\.raw has the SHA-256/);
      execFileSync('touch', [disk]);
      expect(await rejection(verifyImage(host, image))).to.match(/disk\.raw was changed/);
      truncateSync(disk, 3);
      expect(await rejection(verifyImage(host, image))).to.match(/disk\.raw has 3 bytes instead of 8/);
      rmSync(disk);
      expect(await rejection(verifyImage(host, image))).to.match(/disk\.raw is not there/);
    });

    it('says so when the description of an image is damaged', async () => {
      const at = leave();
      writeFileSync(join(at, 'image.json'), '{');
      expect(await rejection(findImage(host, directory, digest))).to.match(/is damaged/);
      expect(existsSync(at)).to.equal(true);
    });
  });
});
