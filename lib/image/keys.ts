import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';

/** An ed25519 key pair in OpenSSH's formats. The private key stays a value until a file must hold it. */
export interface KeyPair {
  readonly privateKey: string;
  /** `ssh-ed25519 AAAA… comment`, as in authorized_keys. */
  readonly publicKey: string;
}

/** The keys of one guest in one run: whom it lets in, and by what it is known before the first connection. */
export interface GuestKeys {
  readonly client: KeyPair;
  readonly host: KeyPair;
}

const algorithm = 'ssh-ed25519';
const commentPattern = /^[A-Za-z0-9._@:+-]{1,200}$/;

/** A length and the bytes, as SSH's formats have them. */
const sized = (bytes: Buffer | string): Buffer => {
  const content = Buffer.from(bytes);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};

/** The private key in the format of OpenSSH's PROTOCOL.key, not encrypted. */
const opensshPrivateKey = (seed: Buffer, point: Buffer, publicBlob: Buffer, comment: string): string => {
  const check = randomBytes(4);
  const body = Buffer.concat([
    check,
    check,
    sized(algorithm),
    sized(point),
    sized(Buffer.concat([seed, point])),
    sized(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const head = [Buffer.from('openssh-key-v1\0'), sized('none'), sized('none'), sized(''), one, sized(publicBlob)];
  const base64 = Buffer.concat([...head, sized(Buffer.concat([body, padding]))]).toString('base64');
  const rows = base64.match(/.{1,70}/g) ?? [];
  return ['-----BEGIN OPENSSH PRIVATE KEY-----', ...rows, '-----END OPENSSH PRIVATE KEY-----', ''].join('\n');
};

/**
 * A new ed25519 key pair. `comment` names it: letters, digits and `._@:+-`. Not ssh2's own generator, of whose ed25519
 * keys one in about two hundred is malformed (seen with 1.17).
 */
export const newKeyPair = (comment: string): KeyPair => {
  if (!commentPattern.test(comment))
    throw new Kvm4nfvError('E_IMAGE', `'${comment}' can not be the comment of an SSH key`);
  const { x = '', d = '' } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  const point = Buffer.from(x, 'base64url');
  const publicBlob = Buffer.concat([sized(algorithm), sized(point)]);
  return {
    privateKey: opensshPrivateKey(Buffer.from(d, 'base64url'), point, publicBlob, comment),
    publicKey: `${algorithm} ${publicBlob.toString('base64')} ${comment}`,
  };
};

/** The keys of a guest of a run. */
export const newGuestKeys = (run: string, guest: string): GuestKeys => ({
  client: newKeyPair(`kvm4nfv-${run}`),
  host: newKeyPair(`${guest}-${run}`),
});

/** The bytes of a public key, as ssh2's host verifier gets them. */
export const publicKeyData = (publicKey: string): Buffer => Buffer.from(publicKey.split(' ')[1] ?? '', 'base64');

/** A line of known_hosts for an address and port. */
export const knownHostsLine = (publicKey: string, address: string, port = 22): string => {
  const [kind = '', data = ''] = publicKey.split(' ');
  return `${port === 22 ? address : `[${address}]:${String(port)}`} ${kind} ${data}\n`;
};
