import { Kvm4nfvError } from '../error.js';
import { formatCpuList } from '../host/cpu-list.js';
import type { PlacementHost } from './placement-host.js';
import type { PlacementWish } from './placement-wish.js';

export const refuse = (why: string, hint: string): never => {
  throw new Kvm4nfvError('E_PLACEMENT', `no place for the guest: ${why}`, { hint });
};

export const siblingsOf = (host: PlacementHost, cpu: number): readonly number[] => host.siblings.get(cpu) ?? [cpu];
export const nodeOf = (host: PlacementHost, cpu: number): number | undefined =>
  host.nodes.find(({ cpus }) => cpus.includes(cpu))?.id;

export const checkOnline = (host: PlacementHost, cpus: readonly number[], what: string): void => {
  const offline = cpus.filter((cpu) => !host.online.includes(cpu));
  if (offline.length > 0)
    refuse(`${what}: CPU ${formatCpuList(offline)} is not online`, `online: ${formatCpuList(host.online)}`);
};

export const checkPins = (
  host: PlacementHost,
  wish: PlacementWish,
  pins: readonly number[],
  taken: ReadonlySet<number>,
): void => {
  if (pins.length !== wish.vcpus)
    refuse(
      `${String(wish.vcpus)} vCPUs, but ${String(pins.length)} pins (${pins.join(', ')})`,
      'give one CPU for each vCPU',
    );
  checkOnline(host, pins, 'pins');
  const busy = pins.filter((cpu) => taken.has(cpu));
  if (busy.length > 0) refuse(`pins: CPU ${formatCpuList(busy)} is another guest's`, 'choose others, or wait for it');
  if (wish.node !== undefined) {
    const away = pins.filter((cpu) => nodeOf(host, cpu) !== wish.node);
    if (away.length > 0)
      refuse(
        `pins: CPU ${formatCpuList(away)} is not of NUMA node ${String(wish.node)}`,
        'leave out the node, or choose its CPUs',
      );
  }
  if (wish.profile !== 'realtime') return;
  for (const [index, cpu] of pins.entries()) {
    const shared = pins.find((other, at) => at !== index && siblingsOf(host, cpu).includes(other));
    if (shared !== undefined)
      refuse(
        `pins: CPUs ${String(cpu)} and ${String(shared)} are of one core (${formatCpuList(siblingsOf(host, cpu))})`,
        'give each realtime vCPU a core of its own',
      );
  }
};
