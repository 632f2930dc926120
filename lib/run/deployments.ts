import path from 'node:path';
import pLimit from 'p-limit';
import type { Deployment, Traits } from '../contexts/context.js';
import { Kvm4nfvError, messageOf, type Fault } from '../error.js';
import { readFacts, type HostFacts } from '../host/facts.js';
import { HostGoneError } from '../host/host.js';
import { renderRestore } from '../tuning/restore.js';
import { chainOf, loadMachinesOf, machinesOf } from './chains.js';
import { sets, withDependents, type Deployed } from './deployed.js';
import type { HostPool } from './host-pool.js';
import type { Kernels } from './kernels.js';
import type { Plan, PlannedContext, PlannedTest } from './plan.js';
import type { RunStore } from './store.js';
import { assertInForce, driftOfAll } from './states.js';
import type { Machine } from './trial.js';
import { tune, type Tuned } from './tune.js';

const deployedAtOnce = 8;

export interface DeploymentsSetting {
  readonly plan: Plan;
  readonly hosts: HostPool;
  readonly kernels: Kernels;
  readonly store: RunStore;
  readonly run: string;
  readonly signal: AbortSignal;
}

/**
 * The contexts of a group of tests: deployed when first needed, taken down after the last test that needs them, or
 * before one that is measured on the same machine in another state.
 */
export class Deployments {
  readonly #setting: DeploymentsSetting;
  readonly #plan: Plan;
  readonly #run: string;
  readonly #store: RunStore;
  readonly #signal: AbortSignal;
  readonly #limit = pLimit(deployedAtOnce);
  readonly #deployed = new Map<string, Promise<Deployed>>();
  /** What the test that is under way needs. */
  #needed: ReadonlySet<string> = new Set();

  constructor(setting: DeploymentsSetting) {
    this.#setting = setting;
    this.#plan = setting.plan;
    this.#run = setting.run;
    this.#store = setting.store;
    this.#signal = setting.signal;
  }

  /**
   * The machine of a test's context and those of its loads, deployed where they are not yet. What is in force on them
   * then is what the test's contexts set, and nothing of others.
   */
  async machinesFor(test: PlannedTest): Promise<readonly Machine[]> {
    this.#needed = new Set(machinesOf(this.#plan, test));
    await this.#putBackOthers();
    const machines = await this.#machines([test.context, ...loadMachinesOf(test)]);
    await assertInForce(await this.#inPlaceOf(this.#needed), this.#signal);
    return machines;
  }

  /** The machine of a host's or context's name. A context that failed to deploy fails again. */
  #machine(name: string): Promise<Machine> {
    if (!this.#plan.contexts.has(name)) return this.#setting.hosts.get(name);
    const known = this.#deployed.get(name) ?? this.#deploy(name);
    this.#deployed.set(name, known);
    return known;
  }

  /** Those that are not there yet are deployed at the same time. */
  async #machines(names: readonly string[]): Promise<readonly Machine[]> {
    const wanted = names.map((name) => this.#machine(name));
    // Where one fails the others are waited for, so that they can be taken down.
    await Promise.allSettled(wanted);
    return Promise.all(wanted);
  }

  /** Of these names the contexts that are in place. */
  async #inPlaceOf(names: Iterable<string>): Promise<Deployed[]> {
    const known = [...names].map(async (name) => this.#deployed.get(name)?.catch(() => undefined));
    return (await Promise.all(known)).filter((one) => one !== undefined);
  }

  /** The machines of these names, as far as they are there. */
  async #kernelsOf(names: Iterable<string>): Promise<ReadonlySet<string>> {
    const { hosts, kernels } = this.#setting;
    const ofHosts = [...names].filter((name) => hosts.has(name)).map((name) => hosts.kernel(name, kernels));
    const ids = [...(await Promise.all(ofHosts)), ...(await this.#inPlaceOf(names)).map(({ kernel }) => kernel)];
    return new Set(ids.filter((id) => id !== undefined));
  }

  /** Puts back what other contexts than those of the test set on its machines. */
  async #putBackOthers(): Promise<void> {
    const deployed = await this.#inPlaceOf(this.#deployed.keys());
    const kernels = await this.#kernelsOf(this.#needed);
    const foreign = deployed.filter(
      (one) => sets(one) && kernels.has(one.kernel) && !this.#needed.has(one.chain[0] ?? ''),
    );
    await this.#takeDown(withDependents(foreign, deployed), kernels);
    for (const id of kernels) this.#assertSound(id);
  }

  #assertSound(kernel: string): void {
    const why = this.#setting.kernels.whySpoiled(kernel);
    if (why !== undefined)
      throw new Kvm4nfvError('E_NOT_EFFECTIVE', `not measured under what is left of another tuning: ${why}`, {
        hint: `kvm4nfv cleanup --run ${this.#run}`,
      });
  }

  async #deploy(name: string): Promise<Deployed> {
    const context = this.#plan.contexts.get(name);
    if (context === undefined) throw new Kvm4nfvError('internal', `no context ${name}`);
    const { definition, options, on } = context;
    const beneath = await this.#machine(on);
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
    const { kernels } = this.#setting;
    const { name, definition, on, tuning } = context;
    const { sut } = deployment;
    const below = (await this.#inPlaceOf([on]))[0];
    const beneathId = below?.kernel ?? kernels.idOf(beneath.facts, on);
    const kernel = await this.#kernelOf(name, deployment, beneath, beneathId);
    const tuned = tuning === undefined ? undefined : await this.#tune(context, deployment, kernel);
    try {
      // A tuning changes what the facts tell.
      const same = sut === beneath.host && tuned === undefined;
      const own = same ? undefined : await readFacts(sut, { signal: this.#signal });
      if (own !== undefined) kernels.rebooted(kernel, own);
      // What runs in an emulated machine is no less emulated.
      const emulated = deployment.traits.emulated === true || below?.emulated === true;
      const traits: Traits = { ...deployment.traits, ...(emulated ? { emulated } : {}) };
      const said = Object.entries(traits).filter(
        (entry): entry is [string, boolean | string] => entry[1] !== undefined,
      );
      const result = {
        type: definition.type,
        on,
        traits: Object.fromEntries(said),
        ...(own === undefined ? {} : { facts: own }),
        ...(tuned === undefined ? {} : { tuning: tuned.result }),
      };
      await this.#store.append({ type: 'context-deployed', context: name, result });
      return {
        host: sut,
        facts: own ?? beneath.facts,
        chain: chainOf(this.#plan, name),
        ...{ own, emulated, deployment, tuned, kernel, beneath: beneathId, step: kernels.step() },
      };
    } catch (error) {
      if (tuned !== undefined) await this.#restore(name, { deployment, tuned, kernel, host: sut }, true);
      throw error;
    }
  }

  /** A machine that ends with its context is its own, though a saved state may give it another's boot id. */
  async #kernelOf(name: string, { sut, throwAway }: Deployment, { host }: Machine, beneath: string): Promise<string> {
    if (sut === host) return beneath;
    if (throwAway === true) return `machine of ${name}`;
    return this.#setting.kernels.idOf(await readFacts(sut, { signal: this.#signal }), name);
  }

  /** Takes a context down; what can't be is told. */
  async #dispose(name: string, deployment: Deployment): Promise<boolean> {
    try {
      await deployment[Symbol.asyncDispose]();
      return true;
    } catch (error) {
      await this.#tell(`context ${name}`, 'teardown', messageOf(error));
      return false;
    } finally {
      // Its files are whole now: a console, the description of a machine.
      const redacted = this.#store.redact(path.join('contexts', name));
      await redacted.catch((error: unknown) => this.#tell(`context ${name}`, 'environment', messageOf(error)));
    }
  }

  async #tell(where: string, fault: Fault, message: string): Promise<void> {
    const hint = `kvm4nfv cleanup --run ${this.#run}`;
    await this.#store.appendIfPossible({ type: 'problem', problem: { where, fault, message, hint } });
  }

  /** Sets the knobs of a context, after all that stands on its machine and is not the test's has gone. */
  async #tune({ name, tuning }: PlannedContext, deployment: Deployment, kernel: string): Promise<Tuned | undefined> {
    if (tuning === undefined) return undefined;
    const { kernels } = this.#setting;
    return kernels.tuning(kernel, async () => {
      const others = await this.#inPlaceOf([...this.#deployed.keys()].filter((other) => !this.#needed.has(other)));
      const standing = others.filter((other) => [other.kernel, other.beneath].includes(kernel));
      await this.#takeDown(withDependents(standing, others), new Set([kernel]));
      this.#assertSound(kernel);
      await this.#store.append({ type: 'context-stage', context: name, stage: `tuning (${tuning.profile})` });
      const layer = { number: kernels.step(), name };
      return tune(deployment, tuning, { run: this.#run, layer, signal: this.#signal });
    });
  }

  /** Knobs that were in effect on the machines of the test and are not any more. One round trip for each that is tuned. */
  async drift(): Promise<readonly string[]> {
    return driftOfAll(await this.#inPlaceOf(this.#needed), this.#signal);
  }

  /** Puts the tuning of a context back. A machine that ends next need not be put in order for a run that was interrupted. */
  async #restore(
    name: string,
    { deployment, tuned, kernel, host }: Pick<Deployed, 'deployment' | 'tuned' | 'kernel' | 'host'>,
    wholly: boolean,
  ): Promise<void> {
    if (tuned === undefined || (deployment.throwAway === true && this.#signal.aborted)) return;
    const { kernels } = this.#setting;
    try {
      const report = await tuned.restore({ wholly });
      if (tuned.reboots) kernels.rebooted(kernel, await readFacts(host));
      if (!report.complete) kernels.spoil(kernel, renderRestore(report));
      if (report.complete && report.places.every(({ fate }) => fate !== 'foreign')) return;
      await this.#tell(`tuning of ${name}`, report.complete ? 'environment' : 'teardown', renderRestore(report));
    } catch (error) {
      // With the machine its tuning has gone.
      if (error instanceof HostGoneError) return;
      kernels.spoil(kernel, messageOf(error));
      await this.#tell(`tuning of ${name}`, 'teardown', messageOf(error));
    }
  }

  /** Takes down every context that is not among `needed` any more, and what depends on it. */
  async release(needed: ReadonlySet<string>): Promise<void> {
    // One that failed fails again, as long as it is needed.
    for (const [name, deploying] of this.#deployed)
      if (!needed.has(name) && (await deploying.catch(() => undefined)) === undefined) this.#deployed.delete(name);
    const deployed = await this.#inPlaceOf(this.#deployed.keys());
    const idle = deployed.filter(({ chain }) => !needed.has(chain[0] ?? ''));
    await this.#takeDown(withDependents(idle, deployed), await this.#kernelsOf(needed));
  }

  /** `measured`: the machines on which something is measured later. */
  async #takeDown(going: readonly Deployed[], measured: ReadonlySet<string>): Promise<void> {
    for (const deployed of going) {
      const { deployment, own, kernel } = deployed;
      const name = deployed.chain[0] ?? '';
      this.#deployed.delete(name);
      const facts = own === undefined ? undefined : await this.#factsAtTheEnd(deployed);
      await this.#restore(name, deployed, measured.has(kernel));
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
