import { resolveCpus } from '../../host/cpu-list.js';
import type { KvmGuestOptions } from '../kvm-guest/fields.js';
import { nodeOfCpus, type Topology } from './choose.js';
import type { Chosen } from './prepare.js';

/** NUMA node that the user put the guest on; undefined where that was left open. */
export const givenNode = (facts: Topology, guest: KvmGuestOptions | undefined): number | undefined => {
  if (guest?.node !== undefined) return guest.node;
  return guest?.cpus === undefined ? undefined : nodeOfCpus(facts, resolveCpus(guest.cpus, facts.topology));
};

/** The guest on the node of its NIC, where there are several nodes and the user left it open. */
export const besideNic = (facts: Topology, guest: KvmGuestOptions, chosen: readonly Chosen[]): KvmGuestOptions => {
  const node = chosen[0]?.device.node;
  if (guest.node !== undefined || guest.cpus !== undefined || node === undefined || facts.topology.nodes.length < 2)
    return guest;
  return { ...guest, node };
};

export interface Locality {
  /** NUMA nodes of the devices. */
  readonly devices: string;
  /** Of the CPUs and the memory of what uses them. */
  readonly user: string;
  /** Everything is on one node; undefined where the machine does not tell, or nothing was pinned. */
  readonly local: boolean | undefined;
}

/** Whether NIC, CPUs and memory are on one NUMA node. Pure. */
export const localityOf = (
  facts: Topology,
  chosen: readonly Chosen[],
  guest: KvmGuestOptions | undefined,
): Locality => {
  const nodes = [...new Set(chosen.map(({ device }) => device.node))];
  const devices = nodes.map((node) => (node === undefined ? 'unknown' : String(node))).join(',');
  const [only] = nodes;
  if (facts.topology.nodes.length < 2) return { devices, user: 'the only one', local: true };
  const node = givenNode(facts, guest);
  if (node === undefined) return { devices, user: 'not pinned', local: undefined };
  return { devices, user: String(node), local: nodes.length === 1 && only === node };
};
