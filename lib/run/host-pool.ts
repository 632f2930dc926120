import { openHost } from '../host/open.js';
import { readFacts, type HostFacts } from '../host/facts.js';
import { removeRun } from '../host/runs.js';
import type { Host } from '../host/host.js';
import type { HostSpec } from '../host/spec.js';
import type { Kernels } from './kernels.js';

export interface KnownHost {
  readonly host: Host;
  readonly facts: HostFacts;
}

/** Opens each host of a suite once, when it is first needed, and closes them all. */
export class HostPool implements AsyncDisposable {
  readonly #specs: ReadonlyMap<string, HostSpec>;
  readonly #run: string;
  readonly #signal: AbortSignal;
  readonly #onFacts: (host: string, phase: 'before' | 'after', facts: HostFacts) => Promise<void>;
  readonly #hosts = new Map<string, Promise<KnownHost>>();

  constructor(
    specs: ReadonlyMap<string, HostSpec>,
    run: string,
    signal: AbortSignal,
    onFacts: (host: string, phase: 'before' | 'after', facts: HostFacts) => Promise<void>,
  ) {
    this.#specs = specs;
    this.#run = run;
    this.#signal = signal;
    this.#onFacts = onFacts;
  }

  has(name: string): boolean {
    return this.#specs.has(name);
  }

  get(name: string): Promise<KnownHost> {
    const known = this.#hosts.get(name) ?? this.#open(name);
    this.#hosts.set(name, known);
    return known;
  }

  /** Which machine it is; undefined where it can't be opened. */
  async kernel(name: string, kernels: Kernels): Promise<string | undefined> {
    const known = await this.get(name).catch(() => undefined);
    return known === undefined ? undefined : kernels.idOf(known.facts, name);
  }

  async #open(name: string): Promise<KnownHost> {
    const host = await openHost(name, this.#specs, { signal: this.#signal, run: this.#run });
    try {
      const facts = await readFacts(host, { signal: this.#signal });
      await this.#onFacts(name, 'before', facts);
      return { host, facts };
    } catch (error) {
      await host[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Removes what the run's jobs left there, where they left something, reads the facts once more for what changed meanwhile, and closes the host. */
  async release(name: string, signal: AbortSignal): Promise<void> {
    const opening = this.#hosts.get(name);
    if (opening === undefined) return;
    this.#hosts.delete(name);
    const known = await opening.catch(() => undefined);
    if (known === undefined) return;
    await using host = known.host;
    const removing = host.unremoved?.size === 0 ? Promise.resolve() : removeRun(host, this.#run);
    const [facts] = await Promise.all([readFacts(host, { signal }), removing]);
    await this.#onFacts(name, 'after', facts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.#hosts.values()];
    this.#hosts.clear();
    await Promise.all(open.map(async (opening) => (await opening.catch(() => undefined))?.host[Symbol.asyncDispose]()));
  }
}
