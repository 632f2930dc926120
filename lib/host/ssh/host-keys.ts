import { appendFile, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError } from '../../error.js';
import {
  fingerprint,
  isNamed,
  judgeHostKey,
  keysOf,
  keyType,
  knownHostLine,
  knownHostName,
  parseKnownHosts,
  type KnownHost,
} from './known-hosts.js';
import { SshError } from './error.js';

export interface HostKeyPolicy {
  /** For messages: the host's name and address. */
  readonly where: string;
  /** The name and port under which its key is known. */
  readonly host: string;
  readonly port: number;
  readonly files: readonly string[];
  readonly mode: 'strict' | 'accept-new';
  /** Names are hashed when a key is added. */
  readonly hashed: boolean;
  /** `type base64` of the only keys that are right; no file is read then. */
  readonly pinned?: readonly string[];
}

const loadKnownHosts = async (files: readonly string[]): Promise<readonly KnownHost[]> => {
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return texts.flatMap((text) => parseKnownHosts(text));
};

const pinnedEntries = (pinned: readonly string[]): readonly KnownHost[] =>
  parseKnownHosts(pinned.map((key) => `* ${key}`).join('\n'));

const entriesOf = (policy: HostKeyPolicy): Promise<readonly KnownHost[]> =>
  policy.pinned === undefined ? loadKnownHosts(policy.files) : Promise.resolve(pinnedEntries(policy.pinned));

/** Whether a certificate authority vouches for this host. */
export const certifies = async (policy: HostKeyPolicy): Promise<boolean> =>
  (await entriesOf(policy)).some(
    ({ marker, names }) => marker === 'cert-authority' && isNamed(names, knownHostName(policy.host, policy.port)),
  );

const signatureTypes: Readonly<Record<string, readonly string[]>> = {
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
};

/** The signature algorithms of the keys that are known, to be offered first: else a host of many keys shows one that is not. */
export const knownAlgorithms = async (policy: HostKeyPolicy): Promise<readonly string[]> => {
  const types = keysOf(await entriesOf(policy), policy.host, policy.port).map(({ type }) => type);
  return [...new Set(types.flatMap((type) => signatureTypes[type] ?? [type]))];
};

const staleLock = 10_000;

/** One writer at a time, across processes: two that meet a host at once must not add two keys for it. */
const locked = async <T>(file: string, action: () => Promise<T>): Promise<T> => {
  const lock = `${file}.kvm4nfv-lock`;
  const until = Date.now() + 3 * staleLock;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  for (;;) {
    try {
      await (await open(lock, 'wx')).close();
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      const age = await stat(lock).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (Date.now() > until)
        throw new Kvm4nfvError(
          'E_LOCAL_FILE',
          `${lock} is held by others for more than ${String((3 * staleLock) / 1000)} s`,
          {
            hint: 'remove it where no kvm4nfv runs',
          },
        );
      if (age > staleLock) await rm(lock, { force: true });
      else await sleep(20);
    }
  }
  try {
    return await action();
  } finally {
    await rm(lock, { force: true });
  }
};

const refusal = (policy: HostKeyPolicy, key: Buffer, known: readonly KnownHost[]): SshError => {
  const shown = `${keyType(key)} ${fingerprint(key)}`;
  if (known.length === 0)
    return new SshError(policy.where, 'host key', `its key is not known: ${shown}`, {
      hint: `compare the fingerprint, then add the key to ${policy.files[0] ?? 'known_hosts'} (ssh-keyscan), or set host_key: accept-new`,
    });
  const name = policy.port === 22 ? policy.host : `'[${policy.host}]:${String(policy.port)}'`;
  const before = known.map(({ type, key: own }) => `${type} ${fingerprint(own)}`).join(', ');
  return new SshError(policy.where, 'host key', `its key has CHANGED: known is ${before}, shown is ${shown}`, {
    hint: `someone may be in between; if the host was reinstalled, remove the old key: ssh-keygen -R ${name} -f ${policy.files[0] ?? 'known_hosts'}`,
  });
};

/** Adds a new key to the first file, unless another process has just added one: then that one counts. */
const accept = async (policy: HostKeyPolicy, file: string, key: Buffer): Promise<void> => {
  // /dev/null keeps no key.
  const there = await stat(file).catch(() => undefined);
  if (there !== undefined && !there.isFile()) return;
  await locked(file, async () => {
    const verdict = judgeHostKey(await loadKnownHosts(policy.files), policy.host, policy.port, key);
    if (verdict.status === 'known') return;
    if (verdict.status !== 'new') throw refusal(policy, key, verdict.status === 'changed' ? verdict.known : []);
    const text = await readFile(file, 'utf8').catch(() => '');
    const gap = text === '' || text.endsWith('\n') ? '' : '\n';
    await appendFile(file, gap + knownHostLine(policy.host, policy.port, key, policy.hashed), { mode: 0o600 });
  });
};

/** Resolves when the key that a host shows may be trusted; else rejects with the reason and the fingerprints. */
export const checkHostKey = async (policy: HostKeyPolicy, key: Buffer): Promise<void> => {
  const entries = await entriesOf(policy);
  const verdict = judgeHostKey(entries, policy.host, policy.port, key);
  if (verdict.status === 'known') return;
  if (verdict.status === 'revoked')
    throw new SshError(policy.where, 'host key', `its key is revoked: ${keyType(key)} ${fingerprint(key)}`);
  const [file] = policy.files;
  if (verdict.status === 'new' && policy.mode === 'accept-new' && policy.pinned === undefined && file !== undefined)
    return accept(policy, file, key);
  throw refusal(policy, key, verdict.status === 'changed' ? verdict.known : []);
};
