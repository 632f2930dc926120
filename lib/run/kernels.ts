import pLimit, { type LimitFunction } from 'p-limit';
import type { HostFacts } from '../host/facts.js';

/**
 * Which machines of a run are the same one. Knobs are the kernel's, and its boot id names it: two hosts of a suite, an
 * alias of ssh_config, or two containers of one machine share it, whatever they are called.
 */
export class Kernels {
  /** Later boots of a machine by its first one here. */
  readonly #firstBoots = new Map<string, string>();
  readonly #groups = new Map<string, LimitFunction>();
  readonly #tunings = new Map<string, LimitFunction>();
  readonly #spoiled = new Map<string, string>();
  #steps = 0;

  /** The id of a machine; it stays when it is booted anew. One that shows no boot id is known by its name. */
  idOf({ kernel: { bootId } }: HostFacts, name: string): string {
    return bootId === undefined ? `machine ${name}` : (this.#firstBoots.get(bootId) ?? bootId);
  }

  rebooted(id: string, { kernel: { bootId } }: HostFacts): void {
    if (bootId !== undefined) this.#firstBoots.set(bootId, id);
  }

  /** Counts what is set up in the run: the later, the greater. */
  step(): number {
    return (this.#steps += 1);
  }

  /** Runs `body` while no other group of tests has one of these machines. */
  hold<T>(ids: Iterable<string>, body: () => Promise<T>): Promise<T> {
    // In one order everywhere: two that wait for each other would wait for ever.
    const [first, ...rest] = [...new Set(ids)].sort();
    return first === undefined ? body() : limitOf(this.#groups, first)(() => this.hold(rest, body));
  }

  /** Tunings of one machine are set one after the other. */
  tuning<T>(id: string, body: () => Promise<T>): Promise<T> {
    return limitOf(this.#tunings, id)(body);
  }

  /** What was set there is not put back: nothing else can be measured there. */
  spoil(id: string, why: string): void {
    this.#spoiled.set(id, why);
  }

  whySpoiled(id: string): string | undefined {
    return this.#spoiled.get(id);
  }
}

const limitOf = (limits: Map<string, LimitFunction>, id: string): LimitFunction => {
  const limit = limits.get(id) ?? pLimit(1);
  limits.set(id, limit);
  return limit;
};
