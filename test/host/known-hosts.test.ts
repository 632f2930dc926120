import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import fc from 'fast-check';
import { checkHostKey, knownAlgorithms, type HostKeyPolicy } from '../../lib/host/ssh/host-keys.js';
import { fingerprint, judgeHostKey, knownHostLine, parseKnownHosts } from '../../lib/host/ssh/known-hosts.js';
import { SshError } from '../../lib/host/ssh/open.js';
import { makeKey } from '../support/sshd.js';
import { rejection } from './transports.js';

const run = promisify(execFile);

/** A key as it goes over the wire; only its type must make sense. */
const fakeKey = (type = 'ssh-ed25519'): Buffer => {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, randomBytes(32)]);
};
const line = (names: string, key: Buffer, type = 'ssh-ed25519'): string =>
  `${names} ${type} ${key.toString('base64')}\n`;

describe('A known_hosts file', () => {
  const [one, two, rsa] = [fakeKey(), fakeKey(), fakeKey('ssh-rsa')];
  const judge = (text: string, host: string, port: number, key: Buffer): string =>
    judgeHostKey(parseKnownHosts(text), host, port, key).status;

  it('knows hosts by name, alias, address, port and pattern', () => {
    const text = `# a comment\n\n${line('gate,192.0.2.1', one)}${line('[node1]:2222', two)}${line('*.lab.test,!bad.lab.test,n?de', one)}`;
    expect(judge(text, 'gate', 22, one)).to.equal('known');
    expect(judge(text, 'GATE', 22, one)).to.equal('known');
    expect(judge(text, '192.0.2.1', 22, one)).to.equal('known');
    expect(judge(text, 'node1', 2222, two)).to.equal('known');
    expect(judge(text, 'node1', 22, two)).to.equal('new');
    expect(judge(text, 'a.lab.test', 22, one)).to.equal('known');
    expect(judge(text, 'a.lab.test', 22, two)).to.equal('changed');
    expect(judge(text, 'bad.lab.test', 22, one)).to.equal('new');
    expect(judge(text, 'axlab.test', 22, one)).to.equal('new');
    expect(judge(text, 'node', 22, one)).to.equal('known');
  });

  it('knows a key without port for each port, but holds no change against another port', () => {
    expect(judge(line('gate', one), 'gate', 2222, one)).to.equal('known');
    expect(judge(line('gate', one), 'gate', 2222, two)).to.equal('new');
  });

  it('counts a key of another type as changed, and a revoked one as revoked', () => {
    expect(judge(line('gate', one), 'gate', 22, rsa)).to.equal('changed');
    expect(judge(`${line('gate', one)}@revoked ${line('*', one)}`, 'gate', 22, one)).to.equal('revoked');
    expect(judge(`@cert-authority ${line('*', one)}`, 'gate', 22, one)).to.equal('new');
  });

  it('is passed over where it is junk, or where a key is not of its type', () => {
    expect(parseKnownHosts(`gate\ngate ssh-ed25519\n${line('gate', one, 'ssh-rsa')}`)).to.deep.equal([]);
    fc.assert(
      fc.property(fc.string(), (junk) => {
        expect(judgeHostKey(parseKnownHosts(junk), 'gate', 22, one).status).to.be.oneOf(['new', 'changed']);
      }),
    );
  });

  it('is read and written as ssh-keygen does it, hashed or not', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-known-'));
    try {
      const file = join(directory, 'known');
      const [, base64 = ''] = (await makeKey(join(directory, 'key'))).split(' ');
      const key = Buffer.from(base64, 'base64');
      const shown = await run('ssh-keygen', ['-l', '-f', join(directory, 'key.pub')]);
      expect(shown.stdout).to.include(fingerprint(key));
      for (const hashed of [false, true]) {
        await writeFile(file, knownHostLine('node1.lab.test', 2222, key, hashed));
        const found = await run('ssh-keygen', ['-F', '[node1.lab.test]:2222', '-f', file]);
        expect(found.stdout).to.include('found');
        expect(await readFile(file, 'utf8').then((text) => text.includes('node1'))).to.equal(!hashed);
      }
      await writeFile(file, line('gate,192.0.2.1', key));
      await run('ssh-keygen', ['-H', '-f', file]);
      const text = await readFile(file, 'utf8');
      expect(text).to.match(/^\|1\|/);
      expect([judge(text, 'gate', 22, key), judge(text, 'gate', 22, one), judge(text, 'other', 22, one)]).to.deep.equal(
        ['known', 'changed', 'new'],
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});

describe('A host key', () => {
  let directory = '';
  const policy = (changes: Partial<HostKeyPolicy> = {}): HostKeyPolicy => ({
    where: 'node1',
    host: 'node1',
    port: 22,
    files: [join(directory, 'deep', 'known'), join(directory, 'global')],
    mode: 'strict',
    hashed: false,
    ...changes,
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-keys-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('that is new is refused with its fingerprint when strict, and added when new ones are accepted', async () => {
    const key = fakeKey();
    const error = await rejection(checkHostKey(policy(), key));
    expect(error).to.be.instanceOf(SshError).with.property('message').that.includes(fingerprint(key));
    await checkHostKey(policy({ mode: 'accept-new' }), key);
    await checkHostKey(policy(), key);
    expect(await knownAlgorithms(policy())).to.deep.equal(['ssh-ed25519']);
  });

  it('is added once, and only one of two, when many meet the host at once', async () => {
    const [one, two] = [fakeKey(), fakeKey()];
    const accept = policy({ mode: 'accept-new' });
    const results = await Promise.allSettled([one, one, one, two, two].map((key) => checkHostKey(accept, key)));
    const entries = parseKnownHosts(await readFile(accept.files[0] ?? '', 'utf8'));
    expect(entries).to.have.length(1);
    const winners = entries[0]?.key.equals(one) === true ? 3 : 2;
    expect(results.filter(({ status }) => status === 'fulfilled')).to.have.length(winners);
  });

  it('that has changed is refused with both fingerprints, whatever the mode', async () => {
    const [before, now] = [fakeKey(), fakeKey()];
    await writeFile(join(directory, 'global'), line('node1', before));
    const error = await rejection(checkHostKey(policy({ mode: 'accept-new' }), now));
    expect(error)
      .to.have.property('message')
      .that.includes('CHANGED')
      .and.includes(fingerprint(before))
      .and.includes(fingerprint(now));
  });

  it('that is pinned is the only one that counts', async () => {
    const [pinned, other] = [fakeKey(), fakeKey()];
    const strict = policy({ pinned: [`ssh-ed25519 ${pinned.toString('base64')}`], mode: 'accept-new' });
    await checkHostKey(strict, pinned);
    expect(await rejection(checkHostKey(strict, other)))
      .to.have.property('message')
      .that.includes('CHANGED');
    expect(await rejection(checkHostKey(policy({ pinned: [], mode: 'accept-new' }), other))).to.be.instanceOf(SshError);
  });
});
