import type { Host } from '../host/host.js';
import { writePrivate } from './bytes.js';
import { checkFirstBoot, type FirstBootData, type GuestNetwork } from './first-boot.js';
import { iso9660 } from './iso9660.js';

const interfaceOf = (network: GuestNetwork, nameservers: readonly string[]): Record<string, unknown> => ({
  match: { macaddress: network.mac },
  'set-name': network.name,
  ...(network.address === 'dhcp' ? { dhcp4: true } : { addresses: [network.address] }),
  ...(network.gateway === undefined
    ? {}
    : { routes: [{ to: network.gateway.includes(':') ? '::/0' : '0.0.0.0/0', via: network.gateway }] }),
  ...(nameservers.length === 0 ? {} : { nameservers: { addresses: nameservers } }),
});

/**
 * The files of a cloud-init NoCloud seed by name. `user` gets the run's key and sudo; with `root` the key is root's. The
 * host key is handed in, so the first connection is verified; no other host keys are made. JSON, which is YAML too.
 */
export const seedFiles = (data: FirstBootData, user: string): ReadonlyMap<string, string> => {
  const checked = checkFirstBoot(data);
  const { keys } = data;
  const login =
    user === 'root'
      ? { name: 'root', ssh_authorized_keys: [keys.client.publicKey] }
      : {
          name: user,
          ssh_authorized_keys: [keys.client.publicKey],
          sudo: 'ALL=(ALL) NOPASSWD:ALL',
          shell: '/bin/bash',
          lock_passwd: true,
        };
  const userData = {
    hostname: checked.hostname,
    users: [login],
    disable_root: false,
    ssh_pwauth: false,
    ssh_deletekeys: true,
    ssh_genkeytypes: [] as const,
    ssh_keys: { ed25519_private: keys.host.privateKey, ed25519_public: keys.host.publicKey },
    package_update: false,
  };
  const ethernets = Object.fromEntries(checked.networks.map((n) => [n.name, interfaceOf(n, checked.nameservers)]));
  const json = (value: unknown): string => JSON.stringify(value, null, 2) + '\n';
  return new Map([
    ['meta-data', json({ 'instance-id': checked.id, 'local-hostname': checked.hostname })],
    ['user-data', `#cloud-config\n${json(userData)}`],
    ['network-config', json({ version: 2, ethernets })],
  ]);
};

/** Writes the NoCloud seed of a guest to `path` on the host: an ISO 9660 image labelled `cidata`, readable by its owner only. */
export const seedDisk = async (host: Host, data: FirstBootData, user: string, path: string): Promise<void> => {
  await writePrivate(host, path, iso9660('cidata', seedFiles(data, user)));
};
