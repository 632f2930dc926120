import { formatCpuList } from '../host/cpu-list.js';
import { checkOnline, checkPins, nodeOf, refuse, siblingsOf } from './placement-checks.js';
import type { PlacementHost, PlacementNode } from './placement-host.js';
import { byKind, lacksMemory, ofOneKind } from './placement-nodes.js';
import type { Placement, PlacementWish } from './placement-wish.js';

export type { Placement, PlacementWish } from './placement-wish.js';

/** One CPU of each core that is wholly free, the lowest first. The cores of CPU 0 come last: the kernel itself likes it. */
const wholeCores = (
  host: PlacementHost,
  candidates: readonly number[],
  taken: ReadonlySet<number>,
): readonly number[] => {
  const seen = new Set<number>();
  const free = candidates.filter((cpu) => {
    const siblings = siblingsOf(host, cpu);
    if (seen.has(cpu) || siblings.some((one) => taken.has(one))) return false;
    for (const one of siblings) seen.add(one);
    return true;
  });
  const first = free.filter((cpu) => siblingsOf(host, cpu).includes(0));
  return [...free.filter((cpu) => !first.includes(cpu)), ...first];
};

const isolatedOf = (host: PlacementHost): ReadonlySet<number> => new Set(host.isolated);

/** CPUs that may be a vCPU's in realtime: with isolation those that are isolated, else all but one core for the host. */
const realtimeCores = (host: PlacementHost, node: PlacementNode, taken: ReadonlySet<number>): readonly number[] => {
  const isolated = isolatedOf(host);
  if (isolated.size > 0)
    return wholeCores(
      host,
      node.cpus.filter((cpu) => isolated.has(cpu)),
      taken,
    );
  const cores = wholeCores(host, node.cpus, taken);
  const elsewhere = host.nodes.some(({ id, cpus }) => id !== node.id && cpus.length > 0);
  return elsewhere ? cores : cores.slice(0, -1);
};

const roomOf = ({ id }: PlacementNode, room: number, lacks: string | undefined): string =>
  `node ${String(id)} has ${String(room)}${lacks === undefined ? '' : ` and ${lacks}`}`;

const chooseNode = (host: PlacementHost, wish: PlacementWish, room: (node: PlacementNode) => number): PlacementNode => {
  const known = host.nodes.map((node) => roomOf(node, room(node), lacksMemory(node, wish))).join(', ');
  const wanted = wish.node === undefined ? host.nodes : host.nodes.filter(({ id }) => id === wish.node);
  if (wanted.length === 0)
    return refuse(
      `the host has no NUMA node ${String(wish.node)}`,
      `nodes: ${host.nodes.map(({ id }) => String(id)).join(', ')}`,
    );
  const enough = wanted.filter((node) => room(node) >= wish.vcpus);
  const [best] = enough
    .filter((node) => lacksMemory(node, wish) === undefined)
    .sort((a, b) => room(a) - room(b) || a.id - b.id);
  if (best !== undefined) return best;
  const alike = host.kinds === undefined ? '' : ' of one kind';
  const what = (wish.profile === 'realtime' ? 'whole free cores' : 'free CPUs') + alike;
  const memory = enough.length === 0 ? '' : ', and its memory there';
  return refuse(
    `${String(wish.vcpus)} vCPUs need as many ${what} on one NUMA node${wish.node === undefined ? '' : ` (${String(wish.node)})`}${memory}; ${known}`,
    enough.length === 0
      ? 'take fewer vCPUs, or set the pins yourself'
      : 'take less memory, or reserve huge pages on that node',
  );
};

/** CPUs for emulator and IOThreads: what is not isolated and nobody's, on the guest's node where there are any, else anywhere. */
const housekeepingFor = (
  host: PlacementHost,
  used: ReadonlySet<number>,
  nodes: readonly number[],
): readonly number[] => {
  const isolated = isolatedOf(host);
  const free = host.online.filter((cpu) => !isolated.has(cpu) && !used.has(cpu));
  const near = free.filter((cpu) => nodes.includes(nodeOf(host, cpu) ?? -1));
  const chosen = near.length > 0 ? near : free;
  return chosen.length > 0
    ? chosen
    : refuse(
        'no CPU is left for the host, the emulator and the IOThreads',
        `online: ${formatCpuList(host.online)}; take fewer vCPUs or isolate fewer CPUs`,
      );
};

/** What its vCPUs occupy: in realtime also the other threads of their cores. */
const occupied = (host: PlacementHost, wish: PlacementWish, cpus: readonly number[]): ReadonlySet<number> =>
  new Set(wish.profile === 'realtime' ? cpus.flatMap((cpu) => siblingsOf(host, cpu)) : []);

/** Where a guest runs on a host. Pure. Fault `environment`, with reason and numbers, where it can't be done as wished. */
export const place = (host: PlacementHost, wish: PlacementWish): Placement => {
  const taken = new Set(wish.taken ?? []);
  const finish = (vcpus: readonly (readonly number[])[]): Placement => {
    const all = vcpus.flat();
    const empty = host.nodes.filter(({ memory }) => memory === 0).map(({ id }) => id);
    const nodes = [...new Set(all.flatMap((cpu) => nodeOf(host, cpu) ?? []))]
      .filter((id) => !empty.includes(id))
      .sort((a, b) => a - b);
    const own = occupied(host, wish, all);
    const used = new Set([...taken, ...own]);
    if (wish.housekeeping === undefined) return { nodes, vcpus, housekeeping: housekeepingFor(host, used, nodes) };
    checkOnline(host, wish.housekeeping, 'housekeeping');
    const both = wish.housekeeping.filter((cpu) => own.has(cpu));
    if (both.length > 0)
      refuse(`housekeeping: CPU ${formatCpuList(both)} belongs to a realtime vCPU's core`, 'choose others');
    return { nodes, vcpus, housekeeping: wish.housekeeping };
  };
  if (wish.pins !== undefined) {
    checkPins(host, wish, wish.pins, taken);
    return finish(wish.pins.map((cpu) => [cpu]));
  }
  if (wish.profile === 'realtime') {
    const cores = (one: PlacementNode): readonly number[] =>
      ofOneKind(host, realtimeCores(host, one, taken), wish.vcpus);
    const node = chooseNode(host, wish, (one) => cores(one).length);
    return finish(
      cores(node)
        .slice(0, wish.vcpus)
        .map((cpu) => [cpu]),
    );
  }
  const isolated = isolatedOf(host);
  const free = (one: PlacementNode): readonly number[] =>
    one.cpus.filter((cpu) => !taken.has(cpu) && !isolated.has(cpu));
  const node = chooseNode(host, wish, (one) => free(one).length);
  const shared = byKind(host, free(node)).find((group) => group.length >= wish.vcpus) ?? free(node);
  return finish(Array.from({ length: wish.vcpus }, () => shared));
};
