import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import fc from 'fast-check';
import { parseIndexTargets, sourcesFor } from '../../lib/image/apt-sources.js';
import { firstBootContent } from '../../lib/image/first-boot.js';
import { newGuestKeys } from '../../lib/image/keys.js';
import {
  builtInManifest,
  builtInManifests,
  imageManifestSchema,
  manifestDigest,
  ownManifestSchema,
  packagesOf,
} from '../../lib/image/manifest.js';
import { tar } from '../../lib/image/tar.js';

describe('The manifest of an image', () => {
  it('has a digest that the order of its lists does not change, and everything else does', () => {
    const one = imageManifestSchema.parse({ name: 'a', tools: ['ethtool', 'rtla'] });
    const same = imageManifestSchema.parse({ tools: ['rtla', 'ethtool'], name: 'a' });
    expect(manifestDigest(one))
      .to.equal(manifestDigest(same))
      .and.to.match(/^[0-9a-f]{64}$/);
    for (const other of [
      { kernel: 'rt' },
      { size: 2 ** 30 },
      { cmdline: '' },
      { packages: ['jq'] },
      { format: 'qcow2' },
    ]) {
      expect(manifestDigest(imageManifestSchema.parse({ ...one, ...other }))).not.to.equal(manifestDigest(one));
    }
  });

  it('names the kernel and the tools among the packages, each once', () => {
    const packages = packagesOf(
      imageManifestSchema.parse({ name: 'a', kernel: 'rt', packages: ['ethtool', 'jq=1.6-2'] }),
    );
    expect(packages).to.include.members(['linux-image-rt-amd64', 'rt-tests', 'stress-ng', 'ethtool', 'jq=1.6-2']);
    expect(new Set(packages).size).to.equal(packages.length);
  });

  it('refuses what is not a package, a module or a known key', () => {
    for (const wrong of [
      { packages: ['a;b'] },
      { packages: ['-o'] },
      { modules: ['../x'] },
      { colour: 1 },
      { cmdline: 'a\nb' },
    ]) {
      expect(imageManifestSchema.safeParse({ name: 'a', ...wrong }).success, JSON.stringify(wrong)).to.equal(false);
    }
  });

  it('of a user needs no name, and can not have that of a built-in image', () => {
    const own = ownManifestSchema.parse({ kernel: 'rt', tools: ['rtla', 'sockperf', 'rtla'], packages: ['tcpdump'] });
    expect(own.name).to.equal('bookworm-rt-rtla-sockperf');
    expect(packagesOf(own)).to.include.members(['linux-image-rt-amd64', 'rtla', 'sockperf', 'tcpdump']);
    expect(packagesOf(own)).not.to.include('stress-ng');
    expect(ownManifestSchema.parse({ name: 'mine', kernel: 'rt' }).name).to.equal('mine');
    expect(ownManifestSchema.safeParse({ name: 'debian-12-rt' }).error?.issues[0]?.message).to.match(/another name/);
  });

  it('takes a size with its unit as the bytes that it is', () => {
    const [one, two] = ['4GiB', 4 * 2 ** 30].map((size) => imageManifestSchema.parse({ name: 'a', size }));
    expect(one).to.deep.equal(two);
    for (const size of ['4', '1MiB', -1])
      expect(imageManifestSchema.safeParse({ name: 'a', size }).success).to.equal(false);
  });

  it('is built in for three kernels, and another name lists them', () => {
    expect([...builtInManifests.values()].map((manifest) => manifest.kernel)).to.deep.equal(['cloud', 'amd64', 'rt']);
    expect(() => builtInManifest('debian-99')).to.throw(/no built-in image 'debian-99'/);
  });
});

const stanza = (release: string, uri: string, more = ''): string =>
  `MetaKey: main/binary-amd64/Packages\nCreated-By: Packages\nRelease: ${release}\nRepo-URI: ${uri}\nComponent: main\n${more}`;

describe("The machine's own archives", () => {
  const known = [
    stanza('bookworm', 'http://mirror.example/debian/', 'Signed-By: /usr/share/keyrings/own.gpg\n'),
    stanza('bookworm-updates', 'http://mirror.example/debian/'),
    stanza('bookworm-security', 'http://mirror.example/security/'),
    stanza('nodistro', 'http://other.example/'),
  ].join('\n');

  it('are used with their own key, and nobody else’s', () => {
    expect(sourcesFor('bookworm', known).trim().split('\n')).to.deep.equal([
      'deb [signed-by=/usr/share/keyrings/own.gpg] http://mirror.example/debian/ bookworm main',
      'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian/ bookworm-updates main',
      'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/security/ bookworm-security main',
    ]);
  });

  it('serve another release too', () => {
    expect(sourcesFor('trixie', known)).to.match(
      /debian\/ trixie main\n.* trixie-updates main\n.*security\/ trixie-security main\n$/,
    );
  });

  it('are an error that says what to do where there are none', () => {
    expect(() => sourcesFor('bookworm', '')).to.throw(/no source for Debian 'bookworm'/);
  });

  it('are read from any text without failing', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseIndexTargets(text))));
  });
});

describe('Our tar archives', () => {
  const list = (archive: Buffer): string =>
    execFileSync('tar', ['-tv', '--full-time', '--numeric-owner', '-f', '-'], {
      input: archive,
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });

  it('are read by tar: modes, links, directories, contents of any length', () => {
    const archive = tar([
      { path: 'd', content: 'directory' },
      { path: 'd/f', mode: 0o600, content: { text: 'x'.repeat(513) } },
      { path: 'l', content: { link: '/dev/null' } },
    ]);
    const lines = list(archive).trim().split('\n');
    expect(lines[0]).to.match(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00:00 d\/$/);
    expect(lines[1]).to.match(/^-rw------- 0\/0 +513 1970-01-01 00:00:00 d\/f$/);
    expect(lines[2]).to.match(/^lrwxrwxrwx 0\/0 +0 1970-01-01 00:00:00 l -> \/dev\/null$/);
  });

  it('hold any text as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1500 }), (text) => {
        const archive = tar([{ path: 'f', content: { text } }]);
        const out = execFileSync('tar', ['-xO', '-f', '-'], { input: archive });
        expect(out.equals(Buffer.from(text))).to.equal(true);
      }),
      { numRuns: 20 },
    );
  });
});

describe('First-boot data', () => {
  const data = {
    id: 'run:guest',
    hostname: 'guest',
    keys: newGuestKeys('run', 'guest'),
    networks: [{ mac: '52:54:00:00:00:01', name: 'mgmt0', address: 'dhcp' }],
  };
  const files = (archive: Buffer, name: string): string =>
    execFileSync('tar', ['-xO', '-f', '-', name], { input: archive, encoding: 'utf8' });

  it('is a disk of 64 KiB that tar reads, with another seed each time', () => {
    const [one, two] = [firstBootContent(data), firstBootContent(data)];
    expect(one.length).to.equal(65536);
    expect(files(one, 'network')).to.equal('52:54:00:00:00:01 mgmt0 dhcp -\n');
    expect(files(one, 'machine-id')).to.match(/^[0-9a-f]{32}\n$/);
    expect(files(one, 'entropy'))
      .to.match(/^[0-9a-f]{128}\n$/)
      .and.not.to.equal(files(two, 'entropy'));
  });

  it('refuses values that would break a line', () => {
    expect(() => firstBootContent({ ...data, hostname: 'a\nb' })).to.throw(/host name/);
    expect(() => firstBootContent({ ...data, networks: [{ mac: 'x', name: 'mgmt0', address: 'dhcp' }] })).to.throw(
      /guest network/,
    );
    expect(() => firstBootContent({ ...data, nameservers: ['192.0.2.1\nx'] })).to.throw(/name server/);
  });
});
