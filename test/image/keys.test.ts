import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import ssh2 from 'ssh2';
import { knownHostsLine, newKeyPair, publicKeyData } from '../../lib/image/keys.js';

describe('SSH keys of a run', () => {
  it('are read by ssh2, every one of them, and sign what their public half verifies', () => {
    for (let count = 0; count < 600; count += 1) {
      const pair = newKeyPair('a@b');
      const [secret, open] = [ssh2.utils.parseKey(pair.privateKey), ssh2.utils.parseKey(pair.publicKey)];
      if (secret instanceof Error || open instanceof Error) throw new Error('a key can not be read');
      expect(secret.getPublicSSH().equals(publicKeyData(pair.publicKey))).to.equal(true);
      const signature = secret.sign('text');
      expect(open.verify('text', signature)).to.equal(true);
    }
  });

  it('are read by ssh-keygen, which finds the same public key and comment', () => {
    const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-keys-'));
    try {
      const pair = newKeyPair('guest.1-run');
      writeFileSync(join(directory, 'key'), pair.privateKey, { mode: 0o600 });
      const said = execFileSync('ssh-keygen', ['-y', '-f', join(directory, 'key')], { encoding: 'utf8' });
      expect(said.trim()).to.equal(pair.publicKey);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('refuse a comment that would break a line of a key file', () => {
    expect(() => newKeyPair('a\nssh-rsa AAAA')).to.throw(/comment of an SSH key/);
  });

  it('become a line of known_hosts with the port where it is not 22', () => {
    expect(knownHostsLine('ssh-ed25519 AAAA c', '127.0.0.1', 2201)).to.equal('[127.0.0.1]:2201 ssh-ed25519 AAAA\n');
    expect(knownHostsLine('ssh-ed25519 AAAA c', '192.0.2.1')).to.equal('192.0.2.1 ssh-ed25519 AAAA\n');
  });
});
