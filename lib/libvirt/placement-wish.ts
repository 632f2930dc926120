export interface PlacementWish {
  readonly vcpus: number;
  /**
   * `realtime`: each vCPU has a core of its own, of which no other thread is used, on isolated CPUs where there are any;
   * emulator and IOThreads stay on housekeeping CPUs; P and E cores are not mixed, P cores come first. `default`: all vCPUs
   * share the CPUs of one node, of one kind where one kind suffices.
   */
  readonly profile: 'realtime' | 'default';
  /** Bytes: a node that has less is passed over. Default: any node with memory will do. */
  readonly memory?: number;
  /** Size of the huge pages that all of the memory is to be of, bytes: a node with too few of them free is passed over. */
  readonly hugepages?: number;
  /** NUMA node. Default: the one with the fewest CPUs that suffices, memory and pages included. */
  readonly node?: number;
  /** CPUs that the user chose, one for each vCPU, in order. Checked, and kept as they are. */
  readonly pins?: readonly number[];
  /** CPUs for emulator and IOThreads, as the user chose them. */
  readonly housekeeping?: readonly number[];
  /** CPUs that other guests have already. */
  readonly taken?: readonly number[];
}

export interface Placement {
  /** NUMA nodes with memory that the vCPUs run on: where its memory should come from. */
  readonly nodes: readonly number[];
  /** For each vCPU the CPUs that it may run on. */
  readonly vcpus: readonly (readonly number[])[];
  /** For emulator and IOThreads. */
  readonly housekeeping: readonly number[];
}
