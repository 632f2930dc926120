import path from 'node:path';
import pLimit from 'p-limit';
import type { Deployment, Traits } from '../contexts/context.js';
import { Kvm4nfvError, messageOf, type Fault } from '../error.js';
import { readFacts, type HostFacts } from '../host/facts.js';
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
  /** The machine itself, or one beneath it, is emulated. */
  readonly emulated: boolean;
  /** As they were when it was in place, where they are not those of the machine beneath. */
  readonly own: HostFacts | undefined;
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
    try {
      return await this.#inPlace(context, deployment, beneath);
    } catch (error) {
      await this.#dispose(name, deployment);
      throw error;
    }
  }

  /** Tunes what was deployed, reads what it is, and tells of it. */
  async #inPlace(context: PlannedContext, deployment: Deployment, beneath: Machine): Promise<Deployed> {
    const { name, definition, on } = context;
    const { sut } = deployment;
    const tuning = await this.#tune(context, deployment);
    try {
      // A tuning changes what the facts tell.
      const same = sut === beneath.host && tuning === undefined;
      const own = same ? undefined : await readFacts(sut, { signal: this.#signal });
      // What runs in an emulated machine is no less emulated.
      const emulated = deployment.traits.emulated === true || (await this.#deployed.get(on))?.emulated === true;
      const traits: Traits = { ...deployment.traits, ...(emulated ? { emulated } : {}) };
      const said = Object.entries(traits).filter(
        (entry): entry is [string, boolean | string] => entry[1] !== undefined,
      );
      const result = {
        type: definition.type,
        on,
        traits: Object.fromEntries(said),
        ...(own === undefined ? {} : { facts: own }),
        ...(tuning === undefined ? {} : { tuning: tuning.result }),
      };
      await this.#store.append({ type: 'context-deployed', context: name, result });
      return { host: sut, facts: own ?? beneath.facts, own, emulated, deployment, tuning: tuning?.applied };
    } catch (error) {
      if (tuning !== undefined) await this.#restore(name, deployment, tuning.applied);
      throw error;
    }
  }

  /** Takes a context down; what can't be is told. */
  async #dispose(name: string, deployment: Deployment): Promise<boolean> {
    try {
      await deployment[Symbol.asyncDispose]();
      return true;
    } catch (error) {
      await this.#tell(`context ${name}`, 'teardown', messageOf(error));
      return false;
    }
  }

  async #tell(where: string, fault: Fault, message: string): Promise<void> {
    const hint = `kvm4nfv cleanup --run ${this.#run}`;
    await this.#store.appendIfPossible({ type: 'problem', problem: { where, fault, message, hint } });
  }

  /** Sets the knobs of a context. */
  async #tune({ name, tuning }: PlannedContext, deployment: Deployment): Promise<Tuned | undefined> {
    if (tuning === undefined) return undefined;
    await this.#store.append({ type: 'context-stage', context: name, stage: `tuning (${tuning.profile})` });
    return tune(deployment, tuning, this.#run, this.#signal);
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

  /** Puts the tuning of a context back. A machine that ends next need not be put in order for a run that was interrupted. */
  async #restore(name: string, { throwAway = false }: Deployment, tuning: AppliedTuning): Promise<void> {
    if (throwAway && this.#signal.aborted) return;
    try {
      const report = await tuning.restore();
      if (report.complete && report.places.every(({ fate }) => fate !== 'foreign')) return;
      await this.#tell(`tuning of ${name}`, report.complete ? 'environment' : 'teardown', renderRestore(report));
    } catch (error) {
      // With the machine its tuning has gone.
      if (!(error instanceof HostGoneError)) await this.#tell(`tuning of ${name}`, 'teardown', messageOf(error));
    }
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
      const { deployment, tuning, own } = deployed;
      const facts = own === undefined ? undefined : await this.#factsAtTheEnd(deployed);
      if (tuning !== undefined) await this.#restore(name, deployment, tuning);
      if (await this.#dispose(name, deployment))
        await this.#store.appendIfPossible({
          type: 'context-destroyed',
          context: name,
          ...(facts === undefined ? {} : { facts }),
        });
    }
  }

  /** A machine that has ended tells no facts, and after an interruption nobody waits for them. */
  async #factsAtTheEnd({ host }: Deployed): Promise<HostFacts | undefined> {
    return this.#signal.aborted ? undefined : readFacts(host, { signal: this.#signal }).catch(() => undefined);
  }
}
