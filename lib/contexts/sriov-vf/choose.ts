import type { HostFacts } from '../../host/facts.js';
import type { Inventory, Pf, Vf } from './inventory.js';
import type { PfSelector, PortWish } from './options.js';
import { ownerOfPf, ownerOfVf, type Asker } from './owners.js';

/** What is to be done on one PF. */
export interface PortPlan {
  readonly wish: PortWish;
  readonly pf: Pf;
  /** VFs that are there and free; empty where they are yet to be created. */
  readonly use: readonly Vf[];
  /** How many to create; 0: none. */
  readonly create: number;
}

/** A reason why it can't be done, and what would help. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

export type Choice = { readonly ports: readonly PortPlan[] } | { readonly refusals: readonly Refusal[] };

export interface ChoiceContext {
  readonly inventory: Inventory;
  readonly asker: Asker;
  readonly passthrough: boolean;
  /** NUMA node that the guest was given by name or by CPUs. */
  readonly node: number | undefined;
}

export const nameOf = (pf: Pf): string => (pf.link === undefined ? pf.address : `${pf.link.name} (${pf.address})`);

const describe = (selector: PfSelector): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key} ${String(value)}`)
    .join(' ');

const matches = (selector: PfSelector, pf: Pf, node: number | undefined): boolean => {
  if ('name' in selector) return pf.link?.name === selector.name;
  if ('address' in selector) return pf.address === selector.address;
  if ('driver' in selector) return pf.driver === selector.driver;
  return selector.numa === 'auto' ? node === undefined || pf.node === node : pf.node === selector.numa;
};

const hasSriov = (pf: Pf): boolean => pf.totalVfs !== undefined && pf.totalVfs > 0;

const noSriov = (pf: Pf): Refusal => ({
  message: `${nameOf(pf)}, PCI id ${pf.id}, driver ${pf.driver ?? 'none'}, has no SR-IOV`,
  hint: 'Choose another port, or enable SR-IOV in the firmware of the machine and of the NIC; `passthrough: pf` gives the whole port away.',
});

const existing = (pf: Pf, wish: PortWish, { inventory, asker }: ChoiceContext): PortPlan | Refusal => {
  const owned = pf.vfs.map((vf) => ({ vf, owner: ownerOfVf(inventory, vf, asker) }));
  const free = owned.filter(({ owner }) => owner === undefined).map(({ vf }) => vf);
  if (free.length >= wish.vfs.length) return { wish, pf, use: free.slice(0, wish.vfs.length), create: 0 };
  const told = owned.flatMap(({ vf, owner }) =>
    owner === undefined ? [] : [`VF ${String(vf.index)} (${vf.address}) belongs to ${owner}`],
  );
  return {
    message: `${nameOf(pf)} has ${String(pf.vfs.length)} VFs, of which ${String(free.length)} are free and ${String(wish.vfs.length)} are asked for: ${told.join('; ') || 'all are free'}`,
    hint: 'The kernel adds no VFs to those that are there without removing them all, which is not done: free some, or choose another port.',
  };
};

const created = (pf: Pf, wish: PortWish): PortPlan | Refusal => {
  const { totalVfs = 0 } = pf;
  const count = Math.max(wish.create ?? 0, wish.vfs.length);
  if (pf.driver === undefined || pf.driver.startsWith('vfio'))
    return {
      message: `${nameOf(pf)} is bound to ${pf.driver ?? 'no driver'}, which makes no VFs`,
      hint: 'Bind it to its own driver.',
    };
  if (pf.link === undefined)
    return {
      message: `the interface of ${pf.address} is not seen on the host: it is in another network namespace`,
      hint: 'Move it back, or choose another port.',
    };
  if (count <= totalVfs) return { wish, pf, use: [], create: count };
  return {
    message: `${nameOf(pf)} can have ${String(totalVfs)} VFs, and ${String(count)} are asked for`,
    hint: `Ask for at most ${String(totalVfs)}, or for some of another port (pfs:).`,
  };
};

const whole = (pf: Pf, wish: PortWish, { inventory, asker }: ChoiceContext): PortPlan | Refusal => {
  const owner = ownerOfPf(inventory, pf, asker);
  if (owner !== undefined)
    return { message: `${nameOf(pf)} belongs to ${owner}`, hint: 'Choose a port that nobody uses.' };
  if (pf.vfs.length > 0)
    return {
      message: `${nameOf(pf)} has ${String(pf.vfs.length)} VFs: it can't be given away under them`,
      hint: 'Use one of its VFs, or another port.',
    };
  return { wish, pf, use: [], create: 0 };
};

const consider = (pf: Pf, wish: PortWish, context: ChoiceContext): PortPlan | Refusal => {
  if (context.passthrough) return whole(pf, wish, context);
  if (!hasSriov(pf)) return noSriov(pf);
  return pf.vfs.length > 0 ? existing(pf, wish, context) : created(pf, wish);
};

/** An unused port with a line is better than one that somebody works with; then by address. */
const rank = (pf: Pf): number => (pf.addresses.length > 0 ? 2 : 0) + (pf.link?.carrier === true ? 0 : 1);

const choosePort = (
  wish: PortWish,
  context: ChoiceContext,
  taken: ReadonlySet<string>,
): PortPlan | readonly Refusal[] => {
  const { inventory, node } = context;
  const found = inventory.nics.filter((pf) => matches(wish.pf, pf, node));
  const open = 'numa' in wish.pf;
  const candidates = (open && !context.passthrough ? found.filter(hasSriov) : found)
    .filter(({ address }) => !taken.has(address))
    .sort((a, b) => rank(a) - rank(b));
  if (candidates.length === 0) {
    const ports = inventory.nics.map(
      (pf) =>
        `${nameOf(pf)} driver ${pf.driver ?? 'none'} node ${String(pf.node ?? '-')}${hasSriov(pf) ? '' : ' without SR-IOV'}`,
    );
    return [
      {
        message: `no ${taken.size > 0 ? 'further ' : ''}port for ${describe(wish.pf)}; there are ${ports.join(', ') || 'no Ethernet ports'}`,
        hint: 'Name one of these ports.',
      },
    ];
  }
  const refusals: Refusal[] = [];
  for (const pf of candidates) {
    const plan = consider(pf, wish, context);
    if ('wish' in plan) return plan;
    refusals.push(plan);
  }
  return refusals;
};

/** Chooses PFs and VFs; or says why not, for each port that came into question. Pure. */
export const choose = (wishes: readonly PortWish[], context: ChoiceContext): Choice => {
  const ports: PortPlan[] = [];
  // A port that is named leaves those that may be any the rest.
  const ordered = [...wishes].sort((a, b) => Number('numa' in a.pf) - Number('numa' in b.pf));
  for (const wish of ordered) {
    const plan = choosePort(wish, context, new Set(ports.map(({ pf }) => pf.address)));
    if (!('wish' in plan)) return { refusals: plan };
    ports.push(plan);
  }
  return { ports: wishes.flatMap((wish) => ports.filter((port) => port.wish === wish)) };
};

/** The part of a host's facts that locality is about. */
export type Topology = Pick<HostFacts, 'topology'>;

/** The NUMA node of a guest that was given by `node` or, where all are of one, by `cpus`. */
export const nodeOfCpus = (facts: Topology, cpus: readonly number[]): number | undefined => {
  const nodes = new Set(
    facts.topology.nodes.filter(({ cpus: own }) => own.some((cpu) => cpus.includes(cpu))).map(({ id }) => id),
  );
  return nodes.size === 1 ? [...nodes][0] : undefined;
};
