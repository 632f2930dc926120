import { messageOf } from '../../error.js';
import { parseDomain } from '../../libvirt/domain/parse.js';
import type { Inventory, PciDevice, Vf } from './inventory.js';

/** Who asks: what is leased to the same context of the same run is no obstacle. */
export interface Asker {
  readonly run: string;
  readonly context: string;
}

export const leaseOf = (address: string): string => `pci-${address}`;
/** Of a PF whose VFs a run made: they are that run's. */
export const pfLeaseOf = (address: string): string => `sriov-${address}`;
/** Of a PF that was down and that a run brought up: whatever VFs it has may be anybody's. */
export const raisedLeaseOf = (address: string): string => `sriov-up-${address}`;

/** Lease owner of a context's devices: the guest of the context has leases in its own name, and gives all of those back. */
export const vfOwner = (context: string): string => `${context}+vf`;

const domainNamed = (documents: readonly string[], address: string): string | undefined => {
  for (const xml of documents) {
    try {
      const { name, hostdevs } = parseDomain(xml);
      if (hostdevs.includes(address)) return name;
    } catch (error) {
      // One document that we can't read might name any device: better to stop than to take it for free.
      if (xml.includes('hostdev')) return `(a domain that can't be read: ${messageOf(error)})`;
    }
  }
  return undefined;
};

const text = (lease: string, key: string): string => new RegExp(`"${key}":"([^"]*)"`).exec(lease)?.[1] ?? '?';

const lessee = (lease: string): string =>
  `context ${text(lease, 'context').replace(/\+vf$/, '')} of run ${text(lease, 'run')}`;

const holderOf = ({ vfioHolders }: Inventory, { group, vfioDevice }: PciDevice): string | undefined => {
  const own = [
    group === undefined ? '' : `/dev/vfio/${group}`,
    vfioDevice === undefined ? '' : `/dev/vfio/devices/${vfioDevice}`,
  ];
  const holder = vfioHolders.find(({ file }) => own.includes(file));
  return holder === undefined ? undefined : `process ${String(holder.pid)} (${holder.command})`;
};

const interfaceUse = (inventory: Inventory, device: PciDevice): string | undefined => {
  const { link, addresses, driver, address } = device;
  const namespace = inventory.namespaces.get(address);
  if (namespace !== undefined) return `network namespace ${namespace}`;
  if (link === undefined)
    return driver === undefined
      ? undefined
      : driver.startsWith('vfio') || driver.includes('uio')
        ? `somebody who bound it to ${driver}`
        : 'another network namespace, which has its interface';
  if (link.master !== undefined) return `${link.master}, of which ${link.name} is a part`;
  if (addresses.length > 0) return `interface ${link.name} with ${addresses.join(', ')}`;
  return undefined;
};

const commonOwner = (inventory: Inventory, device: PciDevice, asker: Asker): string | undefined => {
  const lease = inventory.leases.get(leaseOf(device.address));
  if (lease !== undefined && !(text(lease, 'run') === asker.run && text(lease, 'context') === vfOwner(asker.context)))
    return lessee(lease);
  const domain = domainNamed(inventory.domains, device.address);
  if (domain !== undefined) return `domain ${domain}`;
  return holderOf(inventory, device) ?? interfaceUse(inventory, device);
};

/** Who uses a VF, in words that follow "belongs to"; undefined where it is free. */
export const ownerOfVf = (inventory: Inventory, vf: Vf, asker: Asker): string | undefined => {
  const made = inventory.leases.get(pfLeaseOf(vf.pf));
  if (made !== undefined && text(made, 'run') !== asker.run)
    return `run ${text(made, 'run')}, which made the VFs of ${vf.pf}`;
  const raised = inventory.leases.get(raisedLeaseOf(vf.pf));
  if (raised !== undefined && text(raised, 'run') !== asker.run)
    return `run ${text(raised, 'run')}, which brought ${vf.pf} up and will take it down again`;
  return (
    commonOwner(inventory, vf, asker) ?? (vf.link?.up === true ? `interface ${vf.link.name}, which is up` : undefined)
  );
};

/** Who uses a PF, so that it can't be given away as a whole; undefined where nobody does. An interface that is up, without addresses, is nobody's. */
export const ownerOfPf = (inventory: Inventory, pf: PciDevice, asker: Asker): string | undefined =>
  commonOwner(inventory, pf, asker);
