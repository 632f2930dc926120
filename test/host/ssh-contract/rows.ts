import type { SshStage } from '../../../lib/host/ssh/error.js';

/** One configuration of a host, in the words of ssh_config; `@name@` stands for something of the lab. */
export interface Row {
  readonly name: string;
  /** Lines of `Host sut`. Where they name no Port, it is the plain sshd's; no known hosts, that one's; no identity, `user`. */
  readonly config: readonly string[];
  /** Lines before and after it. */
  readonly others?: string;
  readonly agent?: boolean;
  /** What `ssh` does. Left out: it connects. */
  readonly refused?: SshStage;
  /** Where we mean to differ from `ssh`, and why. */
  readonly ours?: { readonly refused: SshStage; readonly why: string };
}

const gate = (name: string, port: string): string =>
  `Host ${name}\n  HostName 127.0.0.1\n  Port ${port}\n  User root\n  IdentityFile @dir@/user\n  UserKnownHostsFile @kh-plain@\n`;

const hostKeys: readonly Row[] = [
  { name: 'a known key', config: [] },
  { name: 'an unknown key', config: ['UserKnownHostsFile @dir@/kh-empty'], refused: 'host key' },
  {
    name: 'an unknown key that is asked for',
    config: ['UserKnownHostsFile @dir@/kh-empty', 'StrictHostKeyChecking ask'],
    refused: 'host key',
  },
  {
    name: 'an unknown key that may be taken',
    config: ['UserKnownHostsFile @dir@/kh-empty', 'StrictHostKeyChecking accept-new'],
  },
  { name: 'an unknown key, no checking', config: ['UserKnownHostsFile @dir@/kh-empty', 'StrictHostKeyChecking no'] },
  { name: 'nothing kept, no checking', config: ['UserKnownHostsFile /dev/null', 'StrictHostKeyChecking off'] },
  {
    name: 'nothing kept, strict',
    config: ['UserKnownHostsFile /dev/null', 'StrictHostKeyChecking yes'],
    refused: 'host key',
  },
  { name: 'a changed key', config: ['UserKnownHostsFile @dir@/kh-changed'], refused: 'host key' },
  {
    name: 'a changed key, accept-new',
    config: ['UserKnownHostsFile @dir@/kh-changed', 'StrictHostKeyChecking accept-new'],
    refused: 'host key',
  },
  {
    name: 'a changed key, no checking',
    config: ['UserKnownHostsFile @dir@/kh-changed', 'StrictHostKeyChecking no'],
    ours: { refused: 'host key', why: 'a changed key is always refused' },
  },
  {
    name: 'a key of another type is known, accept-new',
    config: ['UserKnownHostsFile @dir@/kh-other-type', 'StrictHostKeyChecking accept-new'],
    refused: 'host key',
  },
  { name: 'a key of another type is known', config: ['UserKnownHostsFile @dir@/kh-other-type'], refused: 'host key' },
  { name: 'an alias', config: ['HostKeyAlias sut-one', 'UserKnownHostsFile @dir@/kh-alias'] },
  {
    name: 'an alias that is known with a port',
    config: ['HostKeyAlias sut-one', 'UserKnownHostsFile @dir@/kh-alias-port'],
    refused: 'host key',
  },
  {
    name: 'an alias with another key, accept-new',
    config: ['HostKeyAlias sut-one', 'UserKnownHostsFile @dir@/kh-alias-other', 'StrictHostKeyChecking accept-new'],
    refused: 'host key',
  },
  { name: 'a hashed name', config: ['UserKnownHostsFile @dir@/kh-hashed'] },
  { name: 'a name without port', config: ['UserKnownHostsFile @dir@/kh-bare'] },
  {
    name: 'another key for the name without port',
    config: ['UserKnownHostsFile @dir@/kh-bare-other'],
    refused: 'host key',
  },
  { name: 'a pattern', config: ['UserKnownHostsFile @dir@/kh-wild'] },
  { name: 'a pattern with port', config: ['UserKnownHostsFile @dir@/kh-wild-port'] },
  { name: 'a negated pattern', config: ['UserKnownHostsFile @dir@/kh-negated'] },
  { name: 'a revoked key', config: ['UserKnownHostsFile @dir@/kh-revoked'], refused: 'host key' },
  { name: 'a list of revoked keys', config: ['RevokedHostKeys @dir@/krl'], refused: 'host key' },
  { name: 'a damaged file of known hosts', config: ['UserKnownHostsFile @dir@/kh-noise'] },
  { name: 'the second of two files', config: ['UserKnownHostsFile @dir@/kh-empty @kh-plain@'] },
  { name: 'the global file', config: ['UserKnownHostsFile @dir@/kh-empty', 'GlobalKnownHostsFile @kh-plain@'] },
  { name: 'a file with spaces in its name', config: ['UserKnownHostsFile "@dir@/my keys/known hosts"'] },
  {
    name: 'a file with spaces, beside another',
    config: ['UserKnownHostsFile @dir@/kh-empty "@dir@/my keys/known hosts"'],
  },
  { name: 'tokens in the name of the file', config: ['UserKnownHostsFile @dir@/kh-%p-%r'] },
  { name: 'the address in the name of the file', config: ['UserKnownHostsFile @dir@/kh-%h'] },
  { name: 'the environment in the name of the file', config: ['UserKnownHostsFile ${CONTRACT_DIR}/kh-wild'] },
  {
    name: 'a command that tells known hosts',
    config: ['UserKnownHostsFile /dev/null', 'KnownHostsCommand /bin/cat @kh-plain@'],
  },
  { name: 'a host certificate', config: ['Port @certified-host@', 'UserKnownHostsFile @dir@/kh-authority'] },
  {
    name: 'a host certificate of somebody else',
    config: ['Port @certified-host@', 'UserKnownHostsFile @dir@/kh-authority-other'],
    refused: 'host key',
  },
  {
    name: 'a host certificate for another name',
    config: ['Port @wrong-host@', 'UserKnownHostsFile @dir@/kh-authority'],
    refused: 'host key',
  },
];

const ways: readonly Row[] = [
  { name: 'a closed port', config: ['Port @closed@'], refused: 'connect' },
  { name: 'a name that nobody knows', config: ['HostName nowhere.invalid'], refused: 'resolve' },
  { name: 'a server that talks something else', config: ['Port @http@'], refused: 'banner' },
  { name: 'a server that says nothing', config: ['Port @silent@', 'ConnectTimeout 2'], refused: 'banner' },
  { name: 'a name and its addresses', config: ['HostName localhost', 'UserKnownHostsFile @dir@/kh-localhost'] },
  { name: 'IPv4 only', config: ['HostName localhost', 'AddressFamily inet', 'UserKnownHostsFile @dir@/kh-localhost'] },
  { name: 'an own address', config: ['BindAddress 127.0.0.1'] },
  { name: 'an included file', config: [], others: `Include @dir@/included\n` },
  {
    name: 'Match exec',
    config: ['Port @closed@'],
    others: 'Match originalhost sut exec "test 1 = 1"\n  Port @plain@\n',
  },
  { name: 'a gate', config: ['ProxyJump gate'], others: gate('gate', '@plain@') },
  {
    name: 'two gates',
    config: ['ProxyJump gate,second'],
    others: gate('gate', '@plain@') + gate('second', '@ctr@').replace('@kh-plain@', '@kh-ctr@'),
  },
  {
    name: 'a gate by address',
    config: ['ProxyJump root@127.0.0.1:@closed@'],
    refused: 'connect',
  },
  {
    name: 'a gate that has another key',
    config: ['ProxyJump gate'],
    others: gate('gate', '@plain@').replace('@kh-plain@', '@dir@/kh-changed'),
    refused: 'host key',
  },
  { name: 'a command', config: ['ProxyCommand ssh -F @dir@/gates -W %h:%p gate'] },
  { name: 'no command', config: ['ProxyCommand none'] },
  { name: 'a command that fails', config: ['ProxyCommand false %h %p'], refused: 'banner' },
  {
    name: 'a command with quotes and a pipe',
    config: [`ProxyCommand sh -c "exec ssh -F @dir@/gates -W '%h:%p' gate"`],
  },
  {
    name: 'settings for people',
    config: [
      'Compression yes',
      'LocalForward 127.0.0.1:@closed@ 127.0.0.1:22',
      'ServerAliveInterval 5',
      'SetEnv A=b',
      'ForwardAgent yes',
      'RequestTTY force',
      'EscapeChar none',
    ],
  },
  { name: 'a shared connection of the user', config: ['ControlMaster auto', 'ControlPath @dir@/cm-%C'] },
  { name: 'an sshd of one session', config: ['Port @one-session@', 'UserKnownHostsFile @kh-one-session@'] },
  {
    name: 'an sshd of no session',
    config: ['Port @no-session@', 'UserKnownHostsFile @kh-no-session@'],
    refused: 'channel',
  },
];

const keys: readonly Row[] = [
  { name: 'a key that is not known there', config: ['IdentityFile @dir@/stranger'], refused: 'authentication' },
  { name: 'a key that is not there', config: ['IdentityFile @dir@/absent'], refused: 'authentication' },
  { name: 'an RSA key', config: ['IdentityFile @dir@/rsa-key'] },
  { name: 'an ECDSA key', config: ['IdentityFile @dir@/ecdsa-key'] },
  { name: 'the second of two keys', config: ['IdentityFile @dir@/stranger', 'IdentityFile @dir@/user'] },
  { name: 'a key with spaces in its name', config: ['IdentityFile "@dir@/keys of mine/id lab"'] },
  { name: 'the user in the name of the key', config: ['IdentityFile @dir@/%r-key'] },
  { name: 'the address in the name of the key', config: ['IdentityFile @dir@/id_%h'] },
  { name: 'the environment in the name of the key', config: ['IdentityFile ${CONTRACT_DIR}/user'] },
  {
    name: 'an encrypted key without its passphrase',
    config: ['IdentityFile @dir@/encrypted'],
    refused: 'authentication',
  },
  { name: 'no key at all', config: ['IdentityFile none'], refused: 'authentication' },
  {
    name: 'more keys than tries',
    config: [
      'Port @few-tries@',
      'UserKnownHostsFile @kh-few-tries@',
      'IdentityFile @dir@/many0',
      'IdentityFile @dir@/many1',
      'IdentityFile @dir@/many2',
      'IdentityFile @dir@/user',
    ],
    refused: 'authentication',
  },
  { name: 'an agent of many keys', config: [], agent: true, refused: 'authentication' },
  { name: 'an agent of many keys, only those of files', config: ['IdentitiesOnly yes'], agent: true },
  {
    name: 'a key of the agent, by its public half',
    config: ['IdentityFile @dir@/half.pub', 'IdentitiesOnly yes'],
    agent: true,
  },
  {
    name: 'a key of the agent that the file holds encrypted',
    config: ['IdentityFile @dir@/agent-locked', 'IdentitiesOnly yes'],
    agent: true,
  },
  { name: 'the key of a file that the agent holds goes first', config: ['IdentityFile @dir@/agent-key'], agent: true },
  {
    name: 'no agent',
    config: ['IdentityFile @dir@/half.pub', 'IdentityAgent none'],
    agent: true,
    refused: 'authentication',
  },
  {
    name: 'an agent by its path',
    config: ['IdentityFile @dir@/half.pub', 'IdentitiesOnly yes', 'IdentityAgent @dir@/agent'],
  },
  {
    name: 'an agent by a variable',
    config: ['IdentityFile @dir@/half.pub', 'IdentitiesOnly yes', 'IdentityAgent $CONTRACT_AGENT'],
  },
  {
    name: 'an agent by its path with the environment in it',
    config: ['IdentityFile @dir@/half.pub', 'IdentitiesOnly yes', 'IdentityAgent ${CONTRACT_DIR}/agent'],
  },
  { name: 'a certificate beside the key', config: ['IdentityFile @dir@/certified'] },
  {
    name: 'a certificate by its name',
    config: ['IdentityFile @dir@/certified', 'CertificateFile @dir@/certified-cert.pub'],
  },
  { name: 'a certificate that has expired', config: ['IdentityFile @dir@/expired'], refused: 'authentication' },
  {
    name: 'a certificate of somebody else',
    config: ['IdentityFile @dir@/stranger-certified'],
    refused: 'authentication',
  },
  {
    name: 'two keys that are both wanted',
    config: [
      'Port @two-keys@',
      'UserKnownHostsFile @kh-two-keys@',
      'IdentityFile @dir@/user',
      'IdentityFile @dir@/second',
    ],
  },
  { name: 'no public keys', config: ['PubkeyAuthentication no'], refused: 'authentication' },
  { name: 'passwords preferred', config: ['PreferredAuthentications password'], refused: 'authentication' },
  {
    name: 'signatures that the key can not make',
    config: ['PubkeyAcceptedAlgorithms rsa-sha2-512'],
    refused: 'authentication',
  },
  {
    name: 'signatures that sshd does not take',
    config: ['Port @rsa-only@', 'UserKnownHostsFile @kh-rsa-only@'],
    refused: 'authentication',
  },
  {
    name: 'an RSA key where sshd takes no other',
    config: ['Port @rsa-only@', 'UserKnownHostsFile @kh-rsa-only@', 'IdentityFile @dir@/rsa-key'],
  },
  { name: 'nobody is let in', config: ['Port @nobody@', 'UserKnownHostsFile @kh-nobody@'], refused: 'authentication' },
];

const algorithm = (name: string, sshd: string, config: readonly string[] = [], refused?: SshStage): Row => ({
  name,
  config: [`Port @${sshd}@`, `UserKnownHostsFile @kh-${sshd}@`, ...config],
  ...(refused === undefined ? {} : { refused }),
});

const algorithms: readonly Row[] = [
  algorithm('a key exchange after quantum computers', 'quantum'),
  algorithm('the same refused', 'quantum', ['KexAlgorithms curve25519-sha256'], 'key exchange'),
  algorithm('ChaCha20', 'chacha'),
  algorithm('AES in counter mode', 'ctr'),
  algorithm('UMAC', 'umac'),
  algorithm('what OpenSSH has no more', 'cbc', [], 'key exchange'),
  algorithm('Diffie-Hellman', 'dh'),
  algorithm('an RSA host key', 'rsa'),
  algorithm('an ECDSA host key', 'ecdsa'),
  algorithm('a host key of a type that is not wanted', 'rsa', ['HostKeyAlgorithms ssh-ed25519'], 'key exchange'),
  algorithm('a cipher that sshd does not have', 'chacha', ['Ciphers aes128-ctr'], 'key exchange'),
];

export const rows: readonly Row[] = [...hostKeys, ...ways, ...keys, ...algorithms];
