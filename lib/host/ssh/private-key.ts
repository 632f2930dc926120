import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { messageOf } from '../../error.js';

/** A key of a file: ready to sign, or only its public half, with why. */
export type FileKey =
  | { readonly kind: 'private'; readonly key: ParsedKey }
  | { readonly kind: 'public'; readonly blob: Buffer; readonly why: string }
  | { readonly kind: 'unusable'; readonly why: string };

const parse = (text: string | Buffer): ParsedKey | Error => {
  const passphrase = process.env['KVM4NFV_PASSPHRASE'];
  const parsed: unknown = passphrase === undefined ? ssh2.utils.parseKey(text) : ssh2.utils.parseKey(text, passphrase);
  return (Array.isArray(parsed) ? parsed[0] : parsed) as ParsedKey | Error;
};

/** The public half, which an OpenSSH private key file holds in the clear (PROTOCOL.key): six fields before it. */
const publicHalf = (text: string): Buffer | undefined => {
  const [, base64] = /-----BEGIN OPENSSH PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END/.exec(text) ?? [];
  if (base64 === undefined) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  let at = 'openssh-key-v1\0'.length;
  const field = (): Buffer => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  try {
    for (let skipped = 0; skipped < 3; skipped += 1) field();
    at += 4;
    return field();
  } catch {
    return undefined;
  }
};

/** Reads a private key by its text. An encrypted one takes its passphrase from KVM4NFV_PASSPHRASE. */
export const parsePrivateKey = (text: string | Buffer): FileKey => {
  const key = parse(text);
  if (key instanceof Error) {
    const blob = publicHalf(text.toString());
    return blob === undefined ? { kind: 'unusable', why: key.message } : { kind: 'public', blob, why: key.message };
  }
  return key.isPrivateKey()
    ? { kind: 'private', key }
    : {
        kind: 'public',
        blob: key.getPublicSSH(),
        why: 'it is a public key; the private one, or an agent that holds it, is wanted',
      };
};

/** Reads the key of a file; where it can't be used by itself, its `.pub` may tell which of the agent's keys it is. */
export const readKey = async (file: string): Promise<FileKey> => {
  const text = await readFile(file).catch((error: unknown) => messageOf(error));
  const own: FileKey = typeof text === 'string' ? { kind: 'unusable', why: text } : parsePrivateKey(text);
  if (own.kind !== 'unusable') return own;
  const beside = await readFile(`${file}.pub`).catch(() => undefined);
  const pub = beside === undefined ? own : parsePrivateKey(beside);
  return pub.kind === 'public' ? { ...pub, why: own.why } : own;
};
