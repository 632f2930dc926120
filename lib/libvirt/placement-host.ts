import type { HostFacts } from '../host/facts-schema.js';

export interface PlacementNode {
  readonly id: number;
  /** Online ones. */
  readonly cpus: readonly number[];
}

/** What {@link place} must know of a host. */
export interface PlacementHost {
  readonly online: readonly number[];
  readonly nodes: readonly PlacementNode[];
  /** Threads of each CPU's core, itself included. */
  readonly siblings: ReadonlyMap<number, readonly number[]>;
  /** CPUs kept free of everything else. */
  readonly isolated: readonly number[];
}

/** From the facts that were gathered on the host. */
export const placementHostOf = ({ topology, kernel }: HostFacts): PlacementHost => {
  const online = new Set(topology.online);
  const nodes = topology.nodes.length > 0 ? topology.nodes : [{ id: 0, cpus: topology.online }];
  return {
    online: topology.online,
    nodes: nodes.map(({ id, cpus }) => ({ id, cpus: cpus.filter((cpu) => online.has(cpu)) })),
    siblings: new Map(topology.cpus.map(({ id, siblings }) => [id, siblings ?? [id]])),
    isolated: (kernel.isolated ?? []).filter((cpu) => online.has(cpu)),
  };
};
