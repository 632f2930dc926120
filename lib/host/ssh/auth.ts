import { readFile } from 'node:fs/promises';
import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { messageOf } from '../../error.js';
import { expandHome, type SshTarget } from './config.js';
import { SshError } from './error.js';
import type { HostSpec } from '../spec.js';

/** A private key ready for use, or what is wrong with it. */
const parsePrivateKey = (text: string | Buffer): ParsedKey | Error => {
  const passphrase = process.env['KVM4NFV_PASSPHRASE'];
  const parsed: unknown = passphrase === undefined ? ssh2.utils.parseKey(text) : ssh2.utils.parseKey(text, passphrase);
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error) return key;
  const parsedKey = key as ParsedKey;
  return parsedKey.isPrivateKey() ? parsedKey : new Error('it is a public key; the private one is wanted');
};

const fromFile = async (where: string, file: string): Promise<ParsedKey> => {
  const text = await readFile(file).catch((error: unknown) => {
    throw new SshError(where, 'authentication', `identity ${file} can't be read: ${messageOf(error)}`, {
      cause: error,
    });
  });
  const key = parsePrivateKey(text);
  if (!(key instanceof Error)) return key;
  throw new SshError(where, 'authentication', `identity ${file} can't be used: ${key.message}`, { cause: key });
};

/** The usual key files, as far as they are there and need no passphrase that we lack. */
const usable = async (files: readonly string[]): Promise<readonly ParsedKey[]> => {
  const found = await Promise.all(files.map((file) => readFile(file).then(parsePrivateKey, () => undefined)));
  return found.flatMap((key) => (key === undefined || key instanceof Error ? [] : [key]));
};

/**
 * What we show who we are with, in order: the identity that the suite names, the agent, the usual key files. sshd counts
 * the tries, so a key that is given by `privateKey` (as for a guest that we made) is the only one.
 */
export const authMethods = async (
  where: string,
  spec: HostSpec,
  target: SshTarget,
  privateKey: string | undefined,
): Promise<readonly AnyAuthMethod[]> => {
  const publickey = (key: ParsedKey): AnyAuthMethod => ({ type: 'publickey', username: target.user, key });
  if (privateKey !== undefined) {
    const key = parsePrivateKey(privateKey);
    if (key instanceof Error)
      throw new SshError(where, 'authentication', `the given key can't be used: ${key.message}`, { cause: key });
    return [publickey(key)];
  }
  const named = spec.identity === undefined ? [] : [await fromFile(where, expandHome(spec.identity))];
  const agent: readonly AnyAuthMethod[] =
    target.agent === undefined ? [] : [{ type: 'agent', username: target.user, agent: target.agent }];
  const usual = spec.identity === undefined ? await usable(target.identities) : [];
  return [...named.map(publickey), ...agent, ...usual.map(publickey)];
};
