import path from 'node:path';
import type { Deployment } from '../contexts/context.js';
import { Kvm4nfvError, messageOf } from '../error.js';
import { readFacts } from '../host/facts.js';
import type { HostPool } from './host-pool.js';
import type { Plan, PlannedTest } from './plan.js';
import type { RunStore } from './store.js';
import type { Machine } from './trial.js';

interface Deployed extends Machine {
  readonly deployment: Deployment;
}

/** A name of a host or a context, and the contexts and the host beneath it: `[guest, metal, node1]`. */
export const chainOf = (plan: Pick<Plan, 'contexts'>, name: string): string[] => {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = plan.contexts.get(at)?.on) chain.push(at);
  return chain;
};

/** All machines that a test works on: its context's and its loads', with what is beneath them. */
export const machinesOf = (plan: Pick<Plan, 'contexts'>, test: PlannedTest): string[] => [
  ...new Set([test.context, ...test.load.filter(({ stressor }) => stressor !== 'none').map(({ host }) => host ?? test.context)].flatMap((name) => chainOf(plan, name))),
];

/** The contexts of a group of tests: deployed when first needed, taken down after the last test that needs them. */
export class Deployments {
  readonly #plan: Plan;
  readonly #hosts: HostPool;
  readonly #store: RunStore;
  readonly #run: string;
  readonly #signal: AbortSignal;
  readonly #deployed = new Map<string, Promise<Deployed>>();

  constructor(setting: { plan: Plan; hosts: HostPool; store: RunStore; run: string; signal: AbortSignal }) {
    this.#plan = setting.plan;
    this.#hosts = setting.hosts;
    this.#store = setting.store;
    this.#run = setting.run;
    this.#signal = setting.signal;
  }

  /** The machine of a host's or context's name, deployed where it is not yet. A context that failed to deploy fails again. */
  machine(name: string): Promise<Machine> {
    if (!this.#plan.contexts.has(name)) return this.#hosts.get(name);
    const known = this.#deployed.get(name) ?? this.#deploy(name);
    this.#deployed.set(name, known);
    return known;
  }

  async #deploy(name: string): Promise<Deployed> {
    const context = this.#plan.contexts.get(name);
    if (context === undefined) throw new Kvm4nfvError('internal', `no context ${name}`);
    const { definition, options, on } = context;
    const beneath = await this.machine(on);
    const deployment = await definition.deploy(options, {
      run: this.#run,
      name,
      host: beneath.host,
      facts: beneath.facts,
      signal: this.#signal,
      directory: path.join(this.#store.directory, 'contexts', name),
      progress: (stage) => void this.#store.append({ type: 'context-stage', context: name, stage }).catch(() => undefined),
    });
    const { sut, traits } = deployment;
    const facts = sut === beneath.host ? beneath.facts : await readFacts(sut, { signal: this.#signal });
    const said = Object.entries(traits).filter((entry): entry is [string, boolean | string] => entry[1] !== undefined);
    const result = { type: definition.type, on, traits: Object.fromEntries(said), ...(sut === beneath.host ? {} : { facts }) };
    await this.#store.append({ type: 'context-deployed', context: name, result });
    return { host: sut, facts, deployment };
  }

  /** Takes down every deployed context that is not among `needed` any more, those on top first. */
  async release(needed: ReadonlySet<string>): Promise<void> {
    const idle = [...this.#deployed.keys()].filter((name) => !needed.has(name)).sort((a, b) => chainOf(this.#plan, b).length - chainOf(this.#plan, a).length);
    for (const name of idle) {
      const deploying = this.#deployed.get(name);
      this.#deployed.delete(name);
      const deployed = await deploying?.catch(() => undefined);
      if (deployed === undefined) continue;
      try {
        await deployed.deployment[Symbol.asyncDispose]();
        await this.#store.append({ type: 'context-destroyed', context: name });
      } catch (error) {
        const hint = `kvm4nfv cleanup --run ${this.#run}`;
        const problem = { where: `context ${name}`, fault: 'teardown', message: messageOf(error), hint } as const;
        await this.#store.append({ type: 'problem', problem });
      }
    }
  }
}
