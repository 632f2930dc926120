import { formatCpuList } from '../host/cpu-list.js';
import type { PlacementHost } from './placement-host.js';
import { kindsOf, lacksMemory } from './placement-nodes.js';
import type { Placement, PlacementWish } from './placement-wish.js';

const why = (host: PlacementHost, { pins, profile }: PlacementWish, cpus: readonly number[]): string => {
  if (pins !== undefined) return 'as asked for';
  if (profile === 'default') return 'free ones, shared';
  return cpus.every((cpu) => host.isolated.includes(cpu)) ? 'whole isolated cores' : 'whole cores, none is isolated';
};

/** What was chosen, and why, in one line. Pure. */
export const explainPlacement = (host: PlacementHost, wish: PlacementWish, placement: Placement): string => {
  const cpus = [...new Set(placement.vcpus.flat())];
  const { nodes, housekeeping } = placement;
  const kinds = kindsOf(host, cpus);
  // Pins have an order that a range would hide.
  const shown = wish.profile === 'default' && wish.pins === undefined ? formatCpuList(cpus) : cpus.join(',');
  const one = nodes.length === 1 ? `NUMA node ${String(nodes[0])}` : `NUMA nodes ${nodes.join(', ')}`;
  const passed = host.nodes
    .filter(({ id }) => wish.pins === undefined && wish.node === undefined && !nodes.includes(id))
    .flatMap((node) => {
      const lacks = lacksMemory(node, wish);
      return lacks === undefined ? [] : [`node ${String(node.id)} passed over: ${lacks}`];
    });
  return [
    `CPUs ${shown}${nodes.length === 0 ? '' : ` of ${one}`} (${[why(host, wish, cpus), ...kinds.map((kind) => kind.replace('core', 'cores'))].join(', ')})`,
    `emulator on ${formatCpuList(housekeeping)}`,
    ...passed,
  ].join('; ');
};
