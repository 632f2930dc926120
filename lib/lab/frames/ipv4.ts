import { ipv4Bytes, ipv4Text, type Ipv4Address } from './address.js';
import { internetChecksum, joined, readUint16, uint16 } from './bytes.js';

export const ipProtocol = { icmp: 1, tcp: 6, udp: 17 } as const;

/** A packet that is no fragment; options are read over and never written. */
export interface Ipv4Packet {
  readonly source: Ipv4Address;
  readonly destination: Ipv4Address;
  readonly protocol: number;
  readonly ttl: number;
  readonly payload: Uint8Array;
}

const headerLength = 20;
const doNotFragment = 0x4000;

export const encodeIpv4 = ({ source, destination, protocol, ttl, payload }: Ipv4Packet): Uint8Array => {
  const header = (checksum: number): Uint8Array =>
    joined(
      Uint8Array.of(0x45, 0),
      uint16(headerLength + payload.length),
      uint16(0),
      uint16(doNotFragment),
      Uint8Array.of(ttl, protocol),
      uint16(checksum),
      ipv4Bytes(source),
      ipv4Bytes(destination),
    );
  return joined(header(internetChecksum(header(0))), payload);
};

/** Reads the payload of a frame of type 0x0800; undefined where it is no IPv4, a fragment, cut short, or fails its checksum. */
export const decodeIpv4 = (bytes: Uint8Array): Ipv4Packet | undefined => {
  const header = ((bytes[0] ?? 0) & 0xf) * 4;
  const total = readUint16(bytes, 2);
  if ((bytes[0] ?? 0) >> 4 !== 4 || header < headerLength || total < header || bytes.length < total) return undefined;
  // More fragments follow, or this is not the first.
  if ((readUint16(bytes, 6) & 0x3fff) !== 0) return undefined;
  if (internetChecksum(bytes.subarray(0, header)) !== 0) return undefined;
  return {
    source: ipv4Text(bytes.subarray(12, 16)),
    destination: ipv4Text(bytes.subarray(16, 20)),
    protocol: bytes[9] ?? 0,
    ttl: bytes[8] ?? 0,
    payload: bytes.subarray(header, total),
  };
};
