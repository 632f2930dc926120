import { existsSync } from 'node:fs';
import type { SshConfig } from './config.js';

const signatures = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/** What ssh2 can do, by the keyword of ssh_config that lists it. */
export const ssh2Algorithms = {
  kexalgorithms: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group14-sha256',
    'diffie-hellman-group15-sha512',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group17-sha512',
    'diffie-hellman-group18-sha512',
  ],
  ciphers: [
    'aes128-gcm@openssh.com',
    'aes256-gcm@openssh.com',
    'chacha20-poly1305@openssh.com',
    'aes128-ctr',
    'aes192-ctr',
    'aes256-ctr',
  ],
  macs: [
    'hmac-sha2-256-etm@openssh.com',
    'hmac-sha2-512-etm@openssh.com',
    'hmac-sha1-etm@openssh.com',
    'hmac-sha2-256',
    'hmac-sha2-512',
    'hmac-sha1',
  ],
  hostkeyalgorithms: signatures,
  pubkeyacceptedalgorithms: signatures,
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type AlgorithmKeyword = keyof typeof ssh2Algorithms;
const keywords = Object.keys(ssh2Algorithms) as AlgorithmKeyword[];

/** Of what ssh2 can do, what ssh_config allows, in the order of ssh2's own preference. */
export const allowedAlgorithms = (config: SshConfig, keyword: AlgorithmKeyword): readonly string[] => {
  const allowed = config.list(keyword);
  const able = ssh2Algorithms[keyword];
  return allowed === undefined ? able : able.filter((name) => allowed.includes(name));
};

const wants: readonly (readonly [keyword: string, ...values: readonly string[]])[] = [
  ['proxyusefdpass', 'yes'],
  ['pubkeyauthentication', 'no', 'false'],
  ['verifyhostkeydns', 'yes', 'true', 'ask'],
  ['nohostauthenticationforlocalhost', 'yes'],
];
const sets = ['knownhostscommand', 'revokedhostkeys', 'bindinterface', 'pkcs11provider', 'certificatefile'];

/** What of a host's ssh_config ssh2 has no way to do, in its own words: OpenSSH itself is needed. */
export const beyondSsh2 = (config: SshConfig, identities: readonly string[]): readonly string[] => [
  ...wants.filter(([keyword, ...values]) => config.is(keyword, ...values)).map(([keyword]) => keyword),
  ...sets.filter((keyword) => config.one(keyword) !== undefined),
  ...keywords.filter((keyword) => allowedAlgorithms(config, keyword).length === 0),
  ...(config.list('preferredauthentications')?.includes('publickey') === false ? ['preferredauthentications'] : []),
  ...identities.map((file) => `${file}-cert.pub`).filter((file) => existsSync(file)),
];

/** Ways to authenticate that are tried where ssh2 was refused. */
export const furtherWays = (config: SshConfig): readonly string[] =>
  ['gssapiauthentication', 'hostbasedauthentication'].filter((keyword) => config.is(keyword, 'yes'));
