import { decodeArp, type ArpPacket } from './arp.js';
import { decodeEthernet, etherType, type EthernetFrame } from './ethernet.js';
import { decodeEcho, type IcmpEcho } from './icmp.js';
import { decodeIpv4, ipProtocol, type Ipv4Packet } from './ipv4.js';

/** A frame as far as it could be read. */
export interface DecodedFrame extends EthernetFrame {
  readonly arp?: ArpPacket;
  readonly ipv4?: Ipv4Packet;
  readonly echo?: IcmpEcho;
}

/** Reads a frame and what is in it; undefined where it is none. */
export const decodeFrame = (bytes: Uint8Array): DecodedFrame | undefined => {
  const frame = decodeEthernet(bytes);
  if (frame === undefined) return undefined;
  const arp = frame.type === etherType.arp ? decodeArp(frame.payload) : undefined;
  const ipv4 = frame.type === etherType.ipv4 ? decodeIpv4(frame.payload) : undefined;
  const echo = ipv4?.protocol === ipProtocol.icmp ? decodeEcho(ipv4.payload) : undefined;
  return {
    ...frame,
    ...(arp === undefined ? {} : { arp }),
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(echo === undefined ? {} : { echo }),
  };
};
