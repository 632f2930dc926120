export interface PlacementWish {
  readonly vcpus: number;
  /**
   * `realtime`: each vCPU has a core of its own, of which no other thread is used, on isolated CPUs where there are any;
   * emulator and IOThreads stay on housekeeping CPUs. `default`: all vCPUs share the CPUs of one node.
   */
  readonly profile: 'realtime' | 'default';
  /** NUMA node. Default: the one with the fewest CPUs that suffices. */
  readonly node?: number;
  /** CPUs that the user chose, one for each vCPU, in order. Checked, and kept as they are. */
  readonly pins?: readonly number[];
  /** CPUs for emulator and IOThreads, as the user chose them. */
  readonly housekeeping?: readonly number[];
  /** CPUs that other guests have already. */
  readonly taken?: readonly number[];
}

export interface Placement {
  /** NUMA nodes that the vCPUs run on: where its memory should come from. */
  readonly nodes: readonly number[];
  /** For each vCPU the CPUs that it may run on. */
  readonly vcpus: readonly (readonly number[])[];
  /** For emulator and IOThreads. */
  readonly housekeeping: readonly number[];
}
