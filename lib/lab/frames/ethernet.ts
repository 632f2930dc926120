import { macBytes, macText, type MacAddress } from './address.js';
import { joined, readUint16, uint16 } from './bytes.js';

export const etherType = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, serviceVlan: 0x88a8 } as const;

/** Tag of IEEE 802.1Q. */
export interface VlanTag {
  /** 0 to 4095. */
  readonly id: number;
  /** Priority, 0 to 7. */
  readonly priority: number;
  readonly dropEligible: boolean;
  /** Tag protocol: 0x8100, or 0x88a8 of a provider's outer tag. */
  readonly protocol: number;
}

export interface EthernetFrame {
  readonly destination: MacAddress;
  readonly source: MacAddress;
  /** Outermost first. */
  readonly vlans: readonly VlanTag[];
  readonly type: number;
  /** With what a sender padded it with to the least length of a frame. */
  readonly payload: Uint8Array;
}

export const vlan = (id: number, priority = 0): VlanTag => ({
  id,
  priority,
  dropEligible: false,
  protocol: etherType.vlan,
});

/** Without the check sequence, which the wire does not carry. */
const shortest = 60;

const tagBytes = ({ id, priority, dropEligible, protocol }: VlanTag): Uint8Array =>
  joined(uint16(protocol), uint16((priority << 13) | (dropEligible ? 0x1000 : 0) | (id & 0xfff)));

/** Writes a frame, padded to 60 bytes. */
export const encodeEthernet = ({ destination, source, vlans, type, payload }: EthernetFrame): Uint8Array => {
  const bytes = joined(macBytes(destination), macBytes(source), ...vlans.map(tagBytes), uint16(type), payload);
  return bytes.length >= shortest ? bytes : joined(bytes, new Uint8Array(shortest - bytes.length));
};

/** Reads a frame; undefined where it is too short to be one. */
export const decodeEthernet = (bytes: Uint8Array): EthernetFrame | undefined => {
  const vlans: VlanTag[] = [];
  let at = 12;
  for (;;) {
    if (bytes.length < at + 2) return undefined;
    const protocol = readUint16(bytes, at);
    if (protocol !== etherType.vlan && protocol !== etherType.serviceVlan) break;
    if (bytes.length < at + 4) return undefined;
    const control = readUint16(bytes, at + 2);
    vlans.push({ id: control & 0xfff, priority: control >> 13, dropEligible: (control & 0x1000) !== 0, protocol });
    at += 4;
  }
  return {
    destination: macText(bytes.subarray(0, 6)),
    source: macText(bytes.subarray(6, 12)),
    vlans,
    type: readUint16(bytes, at),
    payload: bytes.subarray(at + 2),
  };
};
