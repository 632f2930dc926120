import { compareKinds } from '../host/core-kinds.js';
import type { HostFacts } from '../host/facts-schema.js';

export interface PlacementNode {
  readonly id: number;
  /** Online ones. */
  readonly cpus: readonly number[];
  /** Bytes. Left out where it is not known. */
  readonly memory?: number;
  /** Huge pages that are free, by their size in bytes. Left out where it is not known. */
  readonly pages?: ReadonlyMap<number, number>;
}

/** What {@link place} must know of a host. */
export interface PlacementHost {
  readonly online: readonly number[];
  readonly nodes: readonly PlacementNode[];
  /** Threads of each CPU's core, itself included. */
  readonly siblings: ReadonlyMap<number, readonly number[]>;
  /** CPUs kept free of everything else. */
  readonly isolated: readonly number[];
  /** Kinds of cores, such as P and E, by CPU, the fastest kind first. Left out where all are alike. */
  readonly kinds?: ReadonlyMap<number, string>;
}

type Nodes = HostFacts['topology']['nodes'];

const pagesOf = ({ hugepages }: HostFacts, id: number): Pick<PlacementNode, 'pages'> => {
  const own = hugepages.filter(({ node }) => node === id);
  return own.length === 0 ? {} : { pages: new Map(own.map(({ size, free = 0 }) => [size, free])) };
};

/** From the facts that were gathered on the host. */
export const placementHostOf = (facts: HostFacts): PlacementHost => {
  const { topology, kernel } = facts;
  const online = new Set(topology.online);
  const nodes: Nodes = topology.nodes.length > 0 ? topology.nodes : [{ id: 0, cpus: topology.online }];
  const kinds = topology.cpus.flatMap(({ id, kind }) => (kind === undefined ? [] : [[id, kind] as const]));
  return {
    online: topology.online,
    nodes: nodes.map(({ id, cpus, memory }) => ({
      id,
      cpus: cpus.filter((cpu) => online.has(cpu)),
      ...(memory === undefined ? {} : { memory }),
      ...pagesOf(facts, id),
    })),
    siblings: new Map(topology.cpus.map(({ id, siblings }) => [id, siblings ?? [id]])),
    isolated: (kernel.isolated ?? []).filter((cpu) => online.has(cpu)),
    ...(kinds.length === 0 ? {} : { kinds: new Map(kinds.sort(([, a], [, b]) => compareKinds(a, b))) }),
  };
};
