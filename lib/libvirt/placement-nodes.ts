import type { PlacementHost, PlacementNode } from './placement-host.js';
import type { PlacementWish } from './placement-wish.js';

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
const pageSize = (bytes: number): string =>
  bytes >= 2 ** 30 ? `${String(bytes / 2 ** 30)} GiB` : `${String(bytes / 2 ** 20)} MiB`;

export const pagesWished = ({ memory = 0, hugepages }: PlacementWish): number =>
  hugepages === undefined ? 0 : Math.ceil(memory / hugepages);

/** Why a guest's memory can't come from a node; undefined where it can, or where nothing is known of the node's memory. */
export const lacksMemory = ({ memory, pages }: PlacementNode, wish: PlacementWish): string | undefined => {
  if (memory === 0) return 'no memory';
  const { memory: wanted, hugepages } = wish;
  if (hugepages !== undefined) {
    const free = pages === undefined ? undefined : (pages.get(hugepages) ?? 0);
    return free !== undefined && free < pagesWished(wish)
      ? `${String(free)} of ${String(pagesWished(wish))} huge pages of ${pageSize(hugepages)}`
      : undefined;
  }
  return memory !== undefined && wanted !== undefined && memory < wanted ? `${gibibytes(memory)} of memory` : undefined;
};

const kindOf = (host: PlacementHost, cpu: number): string => host.kinds?.get(cpu) ?? '';

/** CPUs by the kind of their core, the fastest kind first, as far as the kernel tells; all together where there is one kind. */
export const byKind = (host: PlacementHost, cpus: readonly number[]): readonly (readonly number[])[] => {
  const kinds = ['', ...new Set(host.kinds?.values())];
  return kinds.map((kind) => cpus.filter((cpu) => kindOf(host, cpu) === kind)).filter((group) => group.length > 0);
};

/** The kinds of cores that CPUs are of; empty where all of the host are alike. */
export const kindsOf = (host: PlacementHost, cpus: readonly number[]): readonly string[] => [
  ...new Set(cpus.map((cpu) => kindOf(host, cpu)).filter((kind) => kind !== '')),
];

/** The first kind that suffices, else the largest group: CPUs of one kind that a guest can have. */
export const ofOneKind = (host: PlacementHost, cpus: readonly number[], count: number): readonly number[] => {
  const groups = byKind(host, cpus);
  const largest = groups.toSorted((a, b) => b.length - a.length)[0] ?? [];
  return groups.find((group) => group.length >= count) ?? largest;
};
