import { Kvm4nfvError } from '../../error.js';

/** `52:54:00:12:34:56`, lower case. */
export type MacAddress = string;
/** Dotted quad. */
export type Ipv4Address = string;

export const broadcast: MacAddress = 'ff:ff:ff:ff:ff:ff';

export const macBytes = (mac: MacAddress): Uint8Array => {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) throw new Kvm4nfvError('E_ADDRESS', `not a MAC address: '${mac}'`);
  return Uint8Array.from(mac.split(':'), (byte) => parseInt(byte, 16));
};

export const macText = (bytes: Uint8Array): MacAddress =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');

export const ipv4Bytes = (address: Ipv4Address): Uint8Array => {
  const parts = address.split('.');
  const bytes = parts.map(Number);
  if (bytes.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part)) || bytes.some((byte) => byte > 255))
    throw new Kvm4nfvError('E_ADDRESS', `not an IPv4 address: '${address}'`);
  return Uint8Array.from(bytes);
};

export const ipv4Text = (bytes: Uint8Array): Ipv4Address => [...bytes].join('.');
