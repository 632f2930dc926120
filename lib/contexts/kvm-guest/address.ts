import type { Hypervisor } from '../../libvirt/hypervisor.js';
import type { GuestNetwork } from '../../image/first-boot.js';
import type { GuestIdentity } from './domain.js';
import type { KvmGuestOptions } from './fields.js';
import type { GuestAddress } from './ready.js';

/** QEMU's user network always looks like this from inside (slirp's defaults). */
const userNetwork = { address: '10.0.2.15/24', gateway: '10.0.2.2' } as const;
export const userNameserver = '10.0.2.3';

/** ATF_COM in Linux's if_arp.h. */
const complete = 2;

const managementName = 'mgmt0';

/** How the guest sets up its management interface. */
export const guestNetwork = ({ network }: KvmGuestOptions, { mac }: GuestIdentity): GuestNetwork => {
  const base = { mac, name: managementName };
  if (network === 'user') return { ...base, ...userNetwork };
  if ('network' in network || network.address === undefined) return { ...base, address: 'dhcp' };
  return { ...base, address: network.address, ...(network.gateway === undefined ? {} : { gateway: network.gateway }) };
};

/** The IPv4 address that the kernel's neighbour table (/proc/net/arp) has for a MAC address. */
export const neighbourOf = (table: string, mac: string): string | undefined =>
  table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, , flags, hardware]) => hardware === mac && (Number(flags) & complete) !== 0)?.[0];

/** Where the guest's sshd is, as far as it is known by now. */
export const managementAddress = async (
  hypervisor: Hypervisor,
  { network }: KvmGuestOptions,
  { name, mac, port }: GuestIdentity,
  signal: AbortSignal,
): Promise<GuestAddress | undefined> => {
  if (network === 'user') return port === undefined ? undefined : { address: '127.0.0.1', port };
  if ('bridge' in network && network.address !== undefined)
    return { address: network.address.split('/')[0] ?? '', port: 22 };
  // libvirt's own look at the neighbour table fails on newer kernels.
  const seen = neighbourOf(await hypervisor.host.read('/proc/net/arp'), mac);
  if (seen !== undefined) return { address: seen, port: 22 };
  const source = 'network' in network ? 'lease' : 'agent';
  const found = await hypervisor.interfaceAddresses(name, source, { signal }).catch(() => []);
  const own = found.find((one) => one.mac === mac && one.family === 'ipv4');
  return own === undefined ? undefined : { address: own.address, port: 22 };
};
