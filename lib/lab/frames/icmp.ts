import { internetChecksum, joined, readUint16, uint16 } from './bytes.js';

/** ICMP echo and its reply (RFC 792). */
export interface IcmpEcho {
  readonly kind: 'request' | 'reply';
  readonly identifier: number;
  readonly sequence: number;
  readonly data: Uint8Array;
}

export const encodeEcho = ({ kind, identifier, sequence, data }: IcmpEcho): Uint8Array => {
  const message = (checksum: number): Uint8Array =>
    joined(Uint8Array.of(kind === 'request' ? 8 : 0, 0), uint16(checksum), uint16(identifier), uint16(sequence), data);
  return message(internetChecksum(message(0)));
};

/** Reads an ICMP message; undefined where it is no echo or fails its checksum. */
export const decodeEcho = (bytes: Uint8Array): IcmpEcho | undefined => {
  const kind = bytes[0] === 8 ? 'request' : bytes[0] === 0 ? 'reply' : undefined;
  if (kind === undefined || bytes.length < 8 || bytes[1] !== 0 || internetChecksum(bytes) !== 0) return undefined;
  return { kind, identifier: readUint16(bytes, 4), sequence: readUint16(bytes, 6), data: bytes.subarray(8) };
};
