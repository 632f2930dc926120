import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import * as fc from 'fast-check';
import { localHost } from '../../lib/host/local.js';
import { headLength, tailLength, type FileBytes } from '../../lib/image/header/bytes.js';
import { guardImage } from '../../lib/image/header/guard.js';
import { imageHeader, unfitFor, type DiskUse } from '../../lib/image/header/header.js';
import { Kvm4nfvError } from '../../lib/error.js';

const bytesOf = (content: Buffer): FileBytes => ({
  head: content.subarray(0, headLength),
  tail: content.subarray(Math.max(0, content.length - tailLength)),
  size: content.length,
});
const data: DiskUse = { boots: false, readOnly: false };
const boots: DiskUse = { boots: true, readOnly: true };
const why = (content: Buffer, use: DiskUse): string => unfitFor(imageHeader(bytesOf(content)), use)?.why ?? 'taken';

/** A tool of this machine; undefined where it is not installed, which only fewer rows come of. */
const tried = (command: string, args: readonly string[], input?: Buffer): Buffer | undefined => {
  const { status, stdout, error } = spawnSync(command, args, { input, maxBuffer: 2 ** 26 });
  return error === undefined && status === 0 ? stdout : undefined;
};

describe('The header of an image', function () {
  this.timeout(120_000);
  const host = localHost('local');
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-header-'));
  const file = (name: string): string => join(directory, name);

  after(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  /** By qemu-img, with its options before the size. */
  const made = (format: string, ...options: readonly string[]): Buffer => {
    const path = file('made');
    rmSync(path, { force: true });
    execFileSync('qemu-img', ['create', '-q', '-f', format, ...options, path, '4M']);
    return readFileSync(path);
  };
  const qcow2 = (...options: readonly string[]): Buffer => made('qcow2', ...options);
  const set = (image: Buffer, at: number, value: number): Buffer => {
    const changed = Buffer.from(image);
    changed[at] = value;
    return changed;
  };

  const secret = ['--object', 'secret,id=s,data=abc'];
  const fits: readonly (readonly [string, () => Buffer])[] = [
    ['qcow2', () => qcow2()],
    ['version 2', () => qcow2('-o', 'compat=0.10')],
    ['extended L2 entries', () => qcow2('-o', 'extended_l2=on')],
    ['zstd clusters', () => qcow2('-o', 'compression_type=zstd')],
    ['lazy refcounts, left dirty', () => set(qcow2('-o', 'lazy_refcounts=on'), 79, 1)],
    ['clusters of 2 MiB', () => qcow2('-o', 'cluster_size=2M')],
    ['preallocated', () => qcow2('-o', 'preallocation=metadata')],
    ['raw zeros', () => Buffer.alloc(2 ** 20)],
    ['raw, one byte', () => Buffer.alloc(1, 'x')],
    ['a disk with a partition table', () => Buffer.concat([Buffer.alloc(510, 0xeb), Buffer.from('55aa', 'hex')])],
  ];
  for (const [name, make] of fits)
    it(`is taken, at both entrances: ${name}`, () => {
      const image = make();
      expect([why(image, boots), why(image, data)]).to.deep.equal(['taken', 'taken']);
    });

  const refused: readonly (readonly [string, () => Buffer | undefined, RegExp])[] = [
    ['backing file', () => qcow2('-u', '-F', 'raw', '-b', '/etc/hostname'), /another file '\/etc\/hostname' \(backing/],
    ['backing file of nbd', () => qcow2('-u', '-F', 'raw', '-b', 'nbd://192.0.2.1:10809/x'), /'nbd:\/\/192\.0\.2\.1/],
    ['backing file as json:', () => qcow2('-u', '-F', 'raw', '-b', 'json:{"driver":"file"}'), /'json:\{"driver"/],
    [
      'backing file in version 2',
      () => qcow2('-u', '-o', 'compat=0.10', '-F', 'raw', '-b', '/etc/hostname'),
      /another file '\/etc\/hostname'/,
    ],
    [
      'backing file whose name is behind what was read',
      () => Buffer.concat([qcow2().subarray(0, 8), Buffer.from([0, 0, 0, 0, 0, 1, 0xff, 0]), qcow2().subarray(16)]),
      /refers to another file \(backing file\)/,
    ],
    ['data file', () => qcow2('-o', `data_file=${file('data')},data_file_raw=on`), /data in another file '.*data'/],
    [
      'encryption by LUKS',
      () =>
        tried('sh', [
          '-c',
          'qemu-img "$@" && cat "$0"',
          file('made'),
          'create',
          '-q',
          '-f',
          'qcow2',
          ...secret,
          '-o',
          'encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10',
          file('made'),
          '4M',
        ]) ?? set(qcow2(), 35, 2),
      /encrypted \(LUKS\)/,
    ],
    ['encryption by AES', () => set(qcow2(), 35, 1), /encrypted \(AES\)/],
    ['marked as corrupt', () => set(qcow2(), 79, 2), /corrupt/],
    ['a feature of tomorrow', () => set(qcow2(), 72, 0x80), /not known \(bit 63\)/],
    ['a feature that the image names itself', () => set(qcow2(), 79, 0x20), /not known \(bit 5\)/],
    ['another compression', () => set(qcow2('-o', 'compression_type=zstd'), 104, 7), /not known \(7\)/],
    ['version 4', () => set(qcow2(), 7, 4), /version 4/],
    ['qcow', () => made('qcow'), /qcow image of version 1/],
    ['cut within its header', () => qcow2().subarray(0, 60), /cut short within its header/],
    ['cut behind its header', () => qcow2().subarray(0, 300), /cut short: its tables end behind byte 300/],
    ['nothing', () => Buffer.alloc(0), /^is empty$/],
    ['vmdk', () => made('vmdk'), /VMDK/],
    ['vmdk, flat', () => made('vmdk', '-o', 'subformat=monolithicFlat'), /VMDK.*refers to other files/],
    ['vmdk, stream optimised', () => made('vmdk', '-o', 'subformat=streamOptimized'), /VMDK/],
    ['vdi', () => made('vdi'), /VDI/],
    ['vhdx', () => made('vhdx'), /VHDX/],
    ['vhd', () => made('vpc'), /VHD image/],
    ['vhd of fixed size', () => made('vpc', '-o', 'subformat=fixed'), /VHD image of fixed size/],
    ['qed', () => made('qed'), /QED/],
    ['parallels', () => made('parallels'), /Parallels/],
    [
      'luks',
      () => Buffer.concat([Buffer.from('LUKS\xba\xbe\0\x02', 'latin1'), Buffer.alloc(4096)]),
      /encrypted \(LUKS\)/,
    ],
    ['gzip', () => tried('gzip', ['-c'], qcow2()), /gzip/],
    ['xz', () => tried('xz', ['-c'], qcow2()), /xz/],
    ['zstd', () => tried('zstd', ['-c'], qcow2()), /zstd/],
    ['bzip2', () => tried('bzip2', ['-c'], qcow2()), /bzip2/],
    ['bzip2 of nothing', () => tried('bzip2', ['-c'], Buffer.alloc(0)), /bzip2/],
    ['lz4', () => tried('lz4', ['-c'], qcow2()), /lz4/],
    ['lzma', () => tried('xz', ['--format=lzma', '-c'], qcow2()), /lzma/],
    ['zip', () => tried('zip', ['-q', '-', '-'], qcow2()), /zip archive/],
    ['7z', () => Buffer.from('377abcaf271c00040000', 'hex'), /7z/],
    ['rar', () => Buffer.from('Rar!\x1a\x07\x01\0', 'latin1'), /rar/],
    ['html', () => Buffer.from('\n<!DOCTYPE html>\n<html><head><title>404'), /HTML/],
    ['dmg', () => Buffer.concat([Buffer.alloc(9000), Buffer.from('koly'), Buffer.alloc(508)]), /DMG/],
  ];
  for (const [name, make, said] of refused)
    it(`is refused by name, at both entrances: ${name}`, function () {
      const image = make();
      if (image === undefined) return this.skip();
      for (const use of [boots, data, { ...data, readOnly: true }, { ...data, format: 'raw' as const }])
        expect(why(image, use), JSON.stringify(use)).to.match(said);
    });

  const iso = (): Buffer => Buffer.concat([Buffer.alloc(0x8000), Buffer.from('\x01CD001\x01'), Buffer.alloc(2041)]);
  const contents: readonly (readonly [string, () => Buffer | undefined])[] = [
    ['ISO 9660', iso],
    ['tar', () => tried('tar', ['-cf', '-', '-C', '/etc', 'hostname'])],
    ['cpio', () => Buffer.from(`070701${'0'.repeat(104)}`)],
    ['ELF', () => readFileSync(process.execPath).subarray(0, 4096)],
  ];
  for (const [name, make] of contents)
    it(`is no disk to start from or to write, but a guest may read it: ${name}`, function () {
      const image = make();
      if (image === undefined) return this.skip();
      expect(why(image, boots)).to.match(/no qcow2 or raw image/);
      expect(why(image, data)).to.match(/no qcow2 or raw image/);
      expect(why(image, { boots: false, readOnly: true, format: 'raw' })).to.equal('taken');
      expect(why(image, { boots: false, readOnly: true, format: 'qcow2' })).to.match(/no qcow2 image/);
    });

  it('and the format asked for must be the same', () => {
    expect(why(qcow2(), { ...data, format: 'raw' })).to.equal('is a qcow2 image, no raw one');
    expect(why(Buffer.alloc(512), { ...boots, format: 'qcow2' })).to.equal('is not a qcow2 image');
    expect(why(made('vmdk'), { ...data, format: 'qcow2' })).to.match(/VMDK.*no qcow2 image/);
  });

  it('is raw for any bytes that no format begins with', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 2048 });
    fc.assert(
      fc.property(bytes, (content) => {
        // No magic number begins with it, and the others are 4 bytes or longer.
        const image = Buffer.concat([Buffer.from([0xfa]), content]);
        expect(imageHeader(bytesOf(image))).to.deep.equal({ format: 'raw' });
      }),
      { numRuns: 2000 },
    );
  });

  it('of any bytes behind a qcow2 magic never throws, and never loses a file that QEMU would open', () => {
    const image = qcow2();
    const changes = fc.array(fc.tuple(fc.integer({ min: 4, max: 240 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    const path = file('changed');
    fc.assert(
      fc.property(changes, (changed) => {
        const content = changed.reduce((before, [at, value]) => set(before, at, value), image);
        if (why(content, data) !== 'taken') return;
        writeFileSync(path, content);
        const info = tried('qemu-img', ['info', '-U', '--output=json', '-f', 'qcow2', path])?.toString() ?? '';
        expect(info).not.to.match(/"(?:backing-filename|data-file)"|"encrypted": true/);
      }),
      { numRuns: 60 },
    );
    // Where anything goes, nothing is thrown.
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (rest) => {
        why(Buffer.concat([Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), rest]), data);
      }),
      { numRuns: 1000 },
    );
  });

  describe('is read from the host', () => {
    const refusal = async (path: string): Promise<Kvm4nfvError> => {
      const error: unknown = await guardImage(host, path, data).then(
        () => new Error('it was taken'),
        (reason: unknown) => reason,
      );
      if (Kvm4nfvError.is(error)) return error;
      throw error;
    };

    it('whole, also of a sparse file of 3 GiB, through a link, and by any name', async () => {
      const path = file("it's a disk");
      writeFileSync(path, qcow2());
      execFileSync('ln', ['-sf', path, file('link')]);
      expect(await guardImage(host, file('link'), data)).to.equal('qcow2');
      writeFileSync(file('large'), 'x');
      truncateSync(file('large'), 3 * 2 ** 30);
      expect(await guardImage(host, file('large'), boots)).to.equal('raw');
      writeFileSync(file('end'), 'x');
      truncateSync(file('end'), 2 ** 20);
      writeFileSync(file('end'), Buffer.concat([readFileSync(file('end')), made('vpc').subarray(0, 512)]));
      expect((await refusal(file('end'))).message).to.match(/VHD image of fixed size/);
      expect(statSync(file('large')).blocks).to.be.lessThan(100);
    });

    it('and what is in the way is told apart: not there, no file, no permission', async () => {
      expect(await refusal(file('none'))).to.include({ code: 'E_IMAGE' });
      expect((await refusal(file('none'))).message).to.match(/there is no image .*none \(No such file or directory\)/);
      expect((await refusal(directory)).message).to.match(/is a directory, no image/);
      expect((await refusal('/dev/null')).message).to.match(/is a character special file, no image/);
      execFileSync('mkfifo', [file('fifo')]);
      expect((await refusal(file('fifo'))).message).to.match(/is a fifo, no image/);
    });

    it('as the user that may read it', async function () {
      if (process.getuid?.() !== 0) return this.skip();
      writeFileSync(file('closed'), 'x');
      chmodSync(file('closed'), 0o600);
      chmodSync(directory, 0o755);
      const nobody = localHost('local');
      const exec: typeof nobody.exec = (argv, options) =>
        nobody.exec(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...argv], options);
      const asNobody = Object.assign(Object.create(nobody) as typeof nobody, { exec });
      const said = (path: string): Promise<string> => guardImage(asNobody, path, data).catch(String);
      expect(await said(file('closed'))).to.match(/closed can't be read: Permission denied/);
      chmodSync(directory, 0o700);
      expect(await said(file('none'))).to.match(/none can't be read: Permission denied/);
      await nobody[Symbol.asyncDispose]();
    });
  });
});
