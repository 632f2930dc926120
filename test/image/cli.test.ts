import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { cacheDirectory } from '../../lib/image/cache.js';
import { builtInManifests } from '../../lib/image/manifest.js';
import { built, cli } from '../cli/cli.js';
import '../support/slow.js';

describe('kvm4nfv image', function () {
  this.timeout(120_000);
  before(built);

  const refused: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ['build'],
      /needs the name of an image, or --kernel, --tool or --package[^]*help: one of debian-12, .*virtual-host/,
    ],
    [['build', 'debian-99'], /no built-in image 'debian-99'/],
    [
      ['build', '--tool', 'rtlaa'],
      /the image: unknown value 'rtlaa' for 'tools'; expected one of: .*did you mean 'rtla'/,
    ],
    [['build', '--kernel', 'generic'], /expected one of: cloud, amd64, rt/],
    [['build', '--package', 'a;b'], /expected a Debian package/],
    [['build', 'debian-12', '--tool', 'rtla'], /expected another name than that of a built-in image/],
    [['build', 'virtual-host', '--tool', 'rtla'], /image virtual-host: [^]*one of: dpdk, ovs/],
    [['build', 'virtual-host', '--package', 'tcpdump'], /image virtual-host: unknown key 'packages'/],
    [['remove'], /image remove needs a name or a digest/],
    [['remove', 'debian-99'], /there is no image 'debian-99'/],
  ];
  for (const [argv, reason] of refused)
    it(`refuses ${argv.join(' ')} before anything is built`, async () => {
      const { code, stderr } = await cli(['image', ...argv]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(reason);
      expect(stderr).not.to.contain('building');
    });

  it('removes an image by its digest, though its description can not be read', async () => {
    const digest = randomBytes(32).toString('hex');
    const directory = join(await cacheDirectory(localHost()), digest);
    await mkdir(directory);
    for (const file of ['sums', 'image.json']) await writeFile(join(directory, file), 'junk');
    try {
      const { code, stderr } = await cli(['image', 'remove', digest]);
      expect(code, stderr).to.equal(0);
      expect(existsSync(directory)).to.equal(false);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('says in its help what can be built', async () => {
    const { stdout } = await cli(['image', '--help']);
    for (const name of [...builtInManifests.keys(), 'virtual-host', 'dpdk-testpmd']) expect(stdout).to.contain(name);
  });
});
