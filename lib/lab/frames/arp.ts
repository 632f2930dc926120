import { ipv4Bytes, ipv4Text, macBytes, macText, type Ipv4Address, type MacAddress } from './address.js';
import { joined, readUint16, uint16 } from './bytes.js';

/** ARP for IPv4 over Ethernet (RFC 826). */
export interface ArpPacket {
  readonly operation: 'request' | 'reply';
  readonly senderMac: MacAddress;
  readonly senderAddress: Ipv4Address;
  /** Zeros in a request. */
  readonly targetMac: MacAddress;
  readonly targetAddress: Ipv4Address;
}

const head = Uint8Array.of(0, 1, 8, 0, 6, 4);
const length = 28;

export const encodeArp = (packet: ArpPacket): Uint8Array =>
  joined(
    head,
    uint16(packet.operation === 'request' ? 1 : 2),
    macBytes(packet.senderMac),
    ipv4Bytes(packet.senderAddress),
    macBytes(packet.targetMac),
    ipv4Bytes(packet.targetAddress),
  );

/** Reads the payload of a frame of type 0x0806; undefined where it is no ARP for IPv4. */
export const decodeArp = (bytes: Uint8Array): ArpPacket | undefined => {
  if (bytes.length < length || head.some((byte, at) => bytes[at] !== byte)) return undefined;
  const operation = readUint16(bytes, 6);
  if (operation !== 1 && operation !== 2) return undefined;
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: macText(bytes.subarray(8, 14)),
    senderAddress: ipv4Text(bytes.subarray(14, 18)),
    targetMac: macText(bytes.subarray(18, 24)),
    targetAddress: ipv4Text(bytes.subarray(24, 28)),
  };
};
