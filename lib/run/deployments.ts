import path from 'node:path';
import pLimit from 'p-limit';
import type { Deployment } from '../contexts/context.js';
import { Kvm4nfvError, messageOf } from '../error.js';
import { readFacts } from '../host/facts.js';
import { HostGoneError } from '../host/host.js';
import { driftOf, type AppliedTuning } from '../tuning/engine.js';
import { renderRestore } from '../tuning/restore.js';
import { tune, type Tuned } from './tune.js';
import type { HostPool } from './host-pool.js';
import type { Plan, PlannedContext, PlannedTest } from './plan.js';
import type { RunStore } from './store.js';
import type { Machine } from './trial.js';

interface Deployed extends Machine {
  readonly deployment: Deployment;
  readonly tuning: AppliedTuning | undefined;
}

/** A name of a host or a context, and the contexts and the host beneath it: `[guest, metal, node1]`. */
export const chainOf = (plan: Pick<Plan, 'contexts'>, name: string): string[] => {
  const chain: string[] = [];
  for (let at: string | undefined = name; at !== undefined; at = plan.contexts.get(at)?.on) chain.push(at);
  return chain;
};

/** All machines that a test works on: its context's and its loads', with what is beneath them. */
export const machinesOf = (plan: Pick<Plan, 'contexts'>, test: PlannedTest): string[] => [
  ...new Set(
    [
      test.context,
      ...test.load.filter(({ stressor }) => stressor !== 'none').map(({ host }) => host ?? test.context),
    ].flatMap((name) => chainOf(plan, name)),
  ),
];

const deployedAtOnce = 8;

/** The contexts of a group of tests: deployed when first needed, taken down after the last test that needs them. */
export class Deployments {
  readonly #plan: Plan;
  readonly #hosts: HostPool;
  readonly #store: RunStore;
  readonly #run: string;
  readonly #signal: AbortSignal;
  readonly #limit = pLimit(deployedAtOnce);
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

  /** The machines of several names; those that are not there yet are deployed at the same time. */
  async machines(names: readonly string[]): Promise<readonly Machine[]> {
    const wanted = names.map((name) => this.machine(name));
    // Where one fails the others are waited for, so that they can be taken down.
    await Promise.allSettled(wanted);
    return Promise.all(wanted);
  }

  async #deploy(name: string): Promise<Deployed> {
    const context = this.#plan.contexts.get(name);
    if (context === undefined) throw new Kvm4nfvError('internal', `no context ${name}`);
    const { definition, options, on } = context;
    const beneath = await this.machine(on);
    const deployment = await this.#limit(() =>
      definition.deploy(options, {
        run: this.#run,
        name,
        host: beneath.host,
        facts: beneath.facts,
        signal: this.#signal,
        directory: path.join(this.#store.directory, 'contexts', name),
        progress: (stage) => void this.#store.appendIfPossible({ type: 'context-stage', context: name, stage }),
      }),
    );
    const { sut, traits } = deployment;
    const tuning = await this.#tune(context, deployment);
    // A tuning changes what the facts tell.
    const same = sut === beneath.host && tuning === undefined;
    const facts = same ? beneath.facts : await readFacts(sut, { signal: this.#signal });
    const said = Object.entries(traits).filter((entry): entry is [string, boolean | string] => entry[1] !== undefined);
    const result = {
      type: definition.type,
      on,
      traits: Object.fromEntries(said),
      ...(same ? {} : { facts }),
      ...(tuning === undefined ? {} : { tuning: tuning.result }),
    };
    await this.#store.append({ type: 'context-deployed', context: name, result });
    return { host: sut, facts, deployment, tuning: tuning?.applied };
  }

  /** Sets the knobs of a context; when that fails, the context is taken down again. */
  async #tune({ name, tuning }: PlannedContext, deployment: Deployment): Promise<Tuned | undefined> {
    if (tuning === undefined) return undefined;
    await this.#store.append({ type: 'context-stage', context: name, stage: `tuning (${tuning.profile})` });
    try {
      return await tune(deployment, tuning, this.#run, this.#signal);
    } catch (error) {
      await deployment[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Knobs of a context, and of those beneath it, that were in effect and are not any more. One round trip for each that is tuned. */
  async drift(name: string): Promise<readonly string[]> {
    const drifted: string[] = [];
    for (const link of chainOf(this.#plan, name)) {
      const tuning = (await this.#deployed.get(link))?.tuning;
      if (tuning === undefined) continue;
      const now = await tuning.verify(this.#signal);
      drifted.push(
        ...driftOf(tuning.results, now).map(
          ({ knob, requested, effective }) =>
            `${link}: knob ${knob} drifted from ${requested} to ${effective} while measuring`,
        ),
      );
    }
    return drifted;
  }

  async #restore(name: string, tuning: AppliedTuning): Promise<void> {
    const report = await tuning.restore();
    const foreign = report.places.filter(({ fate }) => fate === 'foreign');
    if (report.complete && foreign.length === 0) return;
    const hint = `kvm4nfv cleanup --run ${this.#run}`;
    const fault = report.complete ? 'environment' : 'teardown';
    await this.#store.appendIfPossible({
      type: 'problem',
      problem: { where: `tuning of ${name}`, fault, message: renderRestore(report), hint },
    });
  }

  /** Takes down every deployed context that is not among `needed` any more, those on top first. */
  async release(needed: ReadonlySet<string>): Promise<void> {
    const idle = [...this.#deployed.keys()]
      .filter((name) => !needed.has(name))
      .sort((a, b) => chainOf(this.#plan, b).length - chainOf(this.#plan, a).length);
    for (const name of idle) {
      const deploying = this.#deployed.get(name);
      this.#deployed.delete(name);
      const deployed = await deploying?.catch(() => undefined);
      if (deployed === undefined) continue;
      try {
        try {
          if (deployed.tuning !== undefined) await this.#restore(name, deployed.tuning);
        } catch (error) {
          // With the machine its tuning has gone.
          if (!(error instanceof HostGoneError)) throw error;
        } finally {
          await deployed.deployment[Symbol.asyncDispose]();
        }
        await this.#store.appendIfPossible({ type: 'context-destroyed', context: name });
      } catch (error) {
        const hint = `kvm4nfv cleanup --run ${this.#run}`;
        const problem = { where: `context ${name}`, fault: 'teardown', message: messageOf(error), hint } as const;
        await this.#store.appendIfPossible({ type: 'problem', problem });
      }
    }
  }
}
