import type { VirtualHostOptions } from './options.js';

/** CPUs and memory of one NUMA node. */
export interface NodeShape {
  readonly id: number;
  readonly cpus: { readonly first: number; readonly last: number };
  /** Bytes. */
  readonly memory: number;
}

export interface CpuShape {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
  readonly nodes: readonly NodeShape[];
}

/** A socket for each node, CPUs and memory shared out evenly; threads of a core have neighbouring numbers. */
export const cpuShape = ({ vcpus, nodes, threads, memory }: VirtualHostOptions): CpuShape => {
  const each = vcpus / nodes;
  return {
    sockets: nodes,
    cores: each / threads,
    threads,
    nodes: Array.from({ length: nodes }, (_, id) => ({
      id,
      cpus: { first: id * each, last: (id + 1) * each - 1 },
      memory: memory / nodes,
    })),
  };
};

/** Of a distance table: what Linux takes for one node and the next. */
export const distance = (from: number, to: number): number => (from === to ? 10 : 21);
