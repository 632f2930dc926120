/** Names of the kinds of cores that Intel tells apart by their counters, the fastest first. */
const intel = [
  ['P core', '/sys/devices/cpu_core/cpus'],
  ['E core', '/sys/devices/cpu_atom/cpus'],
  ['low-power E core', '/sys/devices/cpu_lowpower/cpus'],
] as const;

/** Of others the kernel says how much each is worth, in parts of 1024. */
const capacityKind = (capacity: number): string => `core of capacity ${String(capacity)}`;

interface Shown {
  /** The CPUs that a file of /sys lists; undefined where it is not there. */
  readonly list: (path: string) => readonly number[] | undefined;
  readonly capacity: (cpu: number) => number | undefined;
}

/** The kind of each CPU's core; empty where all are alike, or the kernel does not tell. */
export const coreKinds = (cpus: readonly number[], { list, capacity }: Shown): ReadonlyMap<number, string> => {
  const named = intel.flatMap(([kind, path]) => (list(path) ?? []).map((cpu) => [cpu, kind] as const));
  const kinds =
    named.length > 0
      ? named
      : cpus.flatMap((cpu) => {
          const worth = capacity(cpu);
          return worth === undefined ? [] : [[cpu, capacityKind(worth)] as const];
        });
  return new Set(kinds.map(([, kind]) => kind)).size < 2 ? new Map() : new Map(kinds);
};

const rank = (kind: string): number => {
  const at = intel.findIndex(([name]) => name === kind);
  return at >= 0 ? at : -Number(/\d+$/.exec(kind)?.[0] ?? 0);
};

/** Sorts kinds, the fastest first. */
export const compareKinds = (a: string, b: string): number => rank(a) - rank(b);
