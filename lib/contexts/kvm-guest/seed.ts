import type { GuestKeys } from '../../image/keys.js';
import { guestNetwork, userNameserver } from './address.js';
import { filesOf, type GuestDefinition, type GuestIdentity } from './domain.js';

/** Writes what a guest takes over at its first boot, or after a restore with the MAC address that was saved; gives the id of it. */
export const writeSeed = async (
  { source, options }: GuestDefinition,
  identity: GuestIdentity,
  keys: GuestKeys,
  mac: string,
): Promise<string> => {
  const id = `${identity.run}:${String(Date.now())}`;
  const network = { ...guestNetwork(options, identity), mac };
  const hostname = identity.context
    .replaceAll(/[^A-Za-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 63);
  const nameservers = options.network === 'user' ? [userNameserver] : [];
  // The same after each reboot, since the guest is.
  const machineId = identity.uuid.replaceAll('-', '');
  await source.writeSeed(
    { id, hostname: hostname === '' ? 'guest' : hostname, machineId, keys, networks: [network], nameservers },
    filesOf(identity).seed,
  );
  return id;
};
