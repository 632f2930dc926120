import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { buildImage } from '../../lib/image/build.js';
import { builtInManifest, imageManifestSchema } from '../../lib/image/manifest.js';
import { rejection } from '../support/rejection.js';
import '../support/slow.js';

/** What is left of builds; the locks are empty files that stay. */
const leftovers = (cache: string): string[] => readdirSync(cache).filter((name) => !name.endsWith('.lock'));

describe('Building an image', function () {
  this.timeout(40 * 60_000);
  const host = localHost('local');
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-build-'))));
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });
  after(() => host[Symbol.asyncDispose]());

  it('is done once by two builders at the same time, and gives the same files as the build before', async () => {
    const manifest = builtInManifest('debian-12');
    const before = await buildImage(host, manifest);
    const said: string[] = [];
    const build = (who: string) =>
      buildImage(host, manifest, { cache: directory, progress: (stage) => said.push(`${who}: ${stage}`) });
    const [one, two] = await Promise.all([build('one'), build('two')]);
    expect(one).to.deep.equal(two);
    expect(said.filter((line) => line.includes('building'))).to.have.length(2);
    expect(leftovers(directory)).to.deep.equal([one.digest]);
    const sums = (image: typeof one): unknown => Object.entries(image.files).map(([name, file]) => [name, file.sha256]);
    // Archives move on: then the packages differ, and so may the files.
    if (JSON.stringify(before.packages) === JSON.stringify(one.packages)) expect(sums(one)).to.deep.equal(sums(before));
  });

  it('leaves nothing when it is interrupted', async () => {
    const manifest = imageManifestSchema.parse({ name: 'interrupted' });
    const signal = AbortSignal.timeout(6000);
    expect(await rejection(buildImage(host, manifest, { cache: directory, signal }))).to.match(/interrupted/);
    expect(leftovers(directory)).to.deep.equal([]);
  });

  it('names a package that there is none of, and leaves nothing', async () => {
    const manifest = imageManifestSchema.parse({ name: 'wrong', packages: ['no-such-package-anywhere'] });
    expect(await rejection(buildImage(host, manifest, { cache: directory }))).to.match(/no-such-package-anywhere/);
    expect(leftovers(directory)).to.deep.equal([]);
  });

  it('says that the disk is full, and leaves nothing', async function () {
    if (process.geteuid?.() !== 0) this.skip();
    const small = join(directory, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'kvm4nfv-test', small]);
    try {
      const manifest = imageManifestSchema.parse({ name: 'full' });
      expect(await rejection(buildImage(host, manifest, { cache: small }))).to.match(
        /disk of .*small is full: image full was not built/,
      );
      expect(leftovers(small)).to.deep.equal([]);
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
