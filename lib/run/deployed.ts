import type { Deployment } from '../contexts/context.js';
import type { HostFacts } from '../host/facts.js';
import type { Machine } from './trial.js';
import type { Tuned } from './tune.js';

/** A context that is in place. */
export interface Deployed extends Machine {
  /** Its name and those of what is beneath it. */
  readonly chain: readonly string[];
  readonly deployment: Deployment;
  /** The machine itself, or one beneath it, is emulated. */
  readonly emulated: boolean;
  /** As they were when it was in place, where they are not those of the machine beneath. */
  readonly own: HostFacts | undefined;
  readonly tuned: Tuned | undefined;
  /** Its machine and the one beneath it, which may be the same, as {@link Kernels} names them. */
  readonly kernel: string;
  readonly beneath: string;
  /** Grows with each that is set up. */
  readonly step: number;
}

/** Whether its state is another one than that of an untuned machine. */
export const sets = ({ tuned }: Deployed): boolean => tuned !== undefined && !tuned.observes;

/** Whether `one` must be taken down before `other` can be. */
const dependsOn = (one: Deployed, other: Deployed): boolean => {
  if (one.chain.includes(other.chain[0] ?? '')) return true;
  if (!sets(other)) return false;
  // Each tuning has in its journal what it found: that of the one before.
  if (sets(one) && one.kernel === other.kernel) return one.step > other.step;
  // What was set up under a tuning, or beside it, does not stay there when the machine changes: it may even be booted.
  return [one.kernel, one.beneath].includes(other.kernel) && !other.chain.includes(one.chain[0] ?? '');
};

/** Those with all that must go before them, in the order in which they are taken down. */
export const withDependents = (first: readonly Deployed[], all: readonly Deployed[]): Deployed[] => {
  const going = new Set(first);
  for (let size = -1; size !== going.size;) {
    size = going.size;
    for (const one of all) if ([...going].some((other) => dependsOn(one, other))) going.add(one);
  }
  const left = [...going].sort((a, b) => b.step - a.step);
  const free = (one: Deployed): boolean => !left.some((other) => other !== one && dependsOn(other, one));
  const order: Deployed[] = [];
  while (left.length > 0) order.push(...left.splice(Math.max(0, left.findIndex(free)), 1));
  return order;
};
