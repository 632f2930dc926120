import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** One line of a known_hosts file that says something. */
export interface KnownHost {
  readonly marker: 'revoked' | 'cert-authority' | undefined;
  /** As written: patterns joined by commas, or one hashed name. */
  readonly names: string;
  readonly type: string;
  /** The key as it goes over the wire. */
  readonly key: Buffer;
}

/** The type that a key's own bytes name. */
export const keyType = (key: Buffer): string =>
  key.length < 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');

/** As `ssh-keygen -l` shows it. */
export const fingerprint = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

const line = /^(?:@(revoked|cert-authority)\s+)?([^\s@#]\S*)\s+([a-z0-9@.-]+)\s+([A-Za-z0-9+/]+=*)(?:\s|$)/;

/** Reads a known_hosts file; what is no entry is passed over, as OpenSSH does. */
export const parseKnownHosts = (text: string): readonly KnownHost[] =>
  text.split('\n').flatMap((raw) => {
    const match = line.exec(raw.trim());
    if (match === null) return [];
    const [, marker, names = '', type = '', base64 = ''] = match;
    const key = Buffer.from(base64, 'base64');
    if (keyType(key) !== type) return [];
    return [{ marker: marker as KnownHost['marker'], names, type, key }];
  });

const glob = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  );

const isHashedName = (hashed: string, name: string): boolean => {
  const [, algorithm, salt = '', digest = ''] = hashed.split('|');
  if (algorithm !== '1') return false;
  const wanted = Buffer.from(digest, 'base64');
  const given = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return wanted.length === given.length && timingSafeEqual(wanted, given);
};

/** Whether the names of an entry are those of a host. */
export const isNamed = (names: string, name: string): boolean => {
  if (names.startsWith('|')) return isHashedName(names, name);
  const patterns = names.split(',');
  if (patterns.some((pattern) => pattern.startsWith('!') && glob(pattern.slice(1)).test(name))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && glob(pattern).test(name));
};

/** The name that known_hosts has for a host: with brackets and port where that is not 22. */
export const knownHostName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${String(port)}`;

export type HostKeyVerdict =
  | { readonly status: 'known' | 'revoked' }
  | { readonly status: 'new' }
  /** Other keys of this host are known: of the same type, or only of others. */
  | { readonly status: 'changed'; readonly known: readonly KnownHost[] };

/** The keys that are known for a host, without the revoked ones. */
export const keysOf = (entries: readonly KnownHost[], host: string, port: number): readonly KnownHost[] =>
  entries.filter(({ marker, names }) => marker === undefined && isNamed(names, knownHostName(host, port)));

/**
 * Judges the key that a host shows. A key is also known under the host's name without port. A key of a type that is not
 * known, of a host of which other keys are, counts as changed: an attacker could offer just that.
 */
export const judgeHostKey = (
  entries: readonly KnownHost[],
  host: string,
  port: number,
  key: Buffer,
): HostKeyVerdict => {
  const names = [knownHostName(host, port), host.toLowerCase()];
  const same = entries.filter((entry) => entry.key.equals(key) && names.some((name) => isNamed(entry.names, name)));
  if (same.some(({ marker }) => marker === 'revoked')) return { status: 'revoked' };
  if (same.some(({ marker }) => marker === undefined)) return { status: 'known' };
  const known = keysOf(entries, host, port);
  return known.length > 0 ? { status: 'changed', known } : { status: 'new' };
};

/** A line for a known_hosts file, with the name hashed where ssh_config asks for that. */
export const knownHostLine = (host: string, port: number, key: Buffer, hashed: boolean): string => {
  const name = knownHostName(host, port);
  const salt = randomBytes(20);
  const digest = createHmac('sha1', salt).update(name).digest('base64');
  return `${hashed ? `|1|${salt.toString('base64')}|${digest}` : name} ${keyType(key)} ${key.toString('base64')}\n`;
};
