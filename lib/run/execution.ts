import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pLimit, { type LimitFunction } from 'p-limit';
import { Kvm4nfvError, messageOf, type Fault } from '../error.js';
import { thisController } from '../tuning/controller.js';
import { version } from '../version.js';
import { worst, type Verdict } from '../sla/verdict.js';
import { askedOutcome, askedTrial } from './asked.js';
import { machinesOf } from './chains.js';
import { Deployments } from './deployments.js';
import { estimate } from './estimate.js';
import { faultOf, troubleOf } from './fault.js';
import { groupByMachine, type NumberedTest } from './group.js';
import { appendHlog, hlogEntries } from './hlog-file.js';
import { HostPool } from './host-pool.js';
import { Kernels } from './kernels.js';
import type { Plan, PlannedTest } from './plan.js';
import type { ResultTrial } from './result.js';
import { fileName } from './run-id.js';
import type { TrialFeedback, TrialParameters, Trials } from './runner.js';
import type { RunStore } from './store.js';
import { hostsToStore } from './stored-hosts.js';
import { meetNeedsOf } from './test-needs.js';
import { optionsOf, runTrial, type Machine } from './trial.js';

interface Ending {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
  readonly fault?: Fault;
  readonly code?: string | undefined;
}

const reasonsOf = (error: unknown): string[] =>
  Kvm4nfvError.is(error) && error.hint !== undefined ? [error.message, error.hint] : [messageOf(error)];

/** Runs a plan. Everything about errors is decided here and in `runTrial`; what was set up is taken down whatever happens. */
export class Execution {
  readonly #plan: Plan;
  readonly #store: RunStore;
  readonly #run: string;
  readonly #signal: AbortSignal;
  readonly #failFast: boolean;
  readonly #hosts: HostPool;
  readonly #kernels = new Kernels();
  readonly #directories = new Set<string>();
  #stop: string | undefined;

  constructor(plan: Plan, store: RunStore, run: string, signal: AbortSignal, failFast: boolean) {
    this.#plan = plan;
    this.#store = store;
    this.#run = run;
    this.#signal = signal;
    this.#failFast = failFast;
    this.#hosts = new HostPool(plan.hosts, run, signal, (host, phase, facts) =>
      store.append({ type: 'host-facts', host, phase, facts }),
    );
  }

  async execute(): Promise<void> {
    const tests = [...this.#plan.tests()].map((test, index) => ({ index, test }));
    await this.#start(tests);
    const groups = groupByMachine(tests, (test) => machinesOf(this.#plan, test));
    const { parallel } = this.#plan;
    const measuring = pLimit(parallel);
    // While some measure, others are connected to or left; one at a time means that nothing else happens meanwhile.
    const underWay = pLimit(parallel === 1 ? 1 : 2 * parallel);
    await using hosts = this.#hosts;
    const ended = await Promise.allSettled(
      groups.map((group) => underWay(() => this.#runGroup(group, hosts, measuring))),
    );
    const failure = ended.find((end) => end.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  }

  async #start(tests: readonly NumberedTest[]): Promise<void> {
    const planned = tests.map(({ test }) => test);
    const { suite, plugins } = this.#plan;
    await this.#store.append({
      type: 'run-started',
      schemaVersion: 1,
      runId: this.#run,
      kvm4nfv: version,
      suite,
      controller: await thisController(),
      hosts: hostsToStore(this.#plan, planned),
      plugins: [...plugins],
      tests: tests.length,
      expected: planned.reduce((sum, test) => sum + (estimate(test) ?? 0), 0),
    });
  }

  async #runGroup(group: readonly NumberedTest[], hosts: HostPool, measuring: LimitFunction): Promise<void> {
    const deployments = new Deployments({
      plan: this.#plan,
      hosts,
      kernels: this.#kernels,
      store: this.#store,
      run: this.#run,
      signal: this.#signal,
    });
    const needed = group.map(({ test }) => machinesOf(this.#plan, test));
    const used = new Set(needed.flat().filter((name) => hosts.has(name)));
    try {
      // Those that fail fail again when a test asks for them.
      if (!this.#signal.aborted && this.#stop === undefined)
        await Promise.allSettled([...used].map((name) => hosts.get(name)));
      await this.#kernels.hold(await this.#kernelsOf(used, hosts), async () => {
        try {
          await measuring(async () => {
            for (const [position, { index, test }] of group.entries()) {
              await this.#runTest(index, test, deployments);
              await deployments.release(new Set(needed.slice(position + 1).flat()));
            }
          });
        } finally {
          await deployments.release(new Set());
        }
      });
    } finally {
      for (const name of used) await this.#releaseHost(hosts, name);
    }
  }

  /** Machines that another group of tests may have by another name, and tune. */
  async #kernelsOf(used: ReadonlySet<string>, hosts: HostPool): Promise<readonly string[]> {
    const tuned = [...this.#plan.contexts.values()].some(({ tuning }) => tuning !== undefined);
    if (!tuned || this.#plan.parallel === 1 || this.#stop !== undefined || this.#signal.aborted) return [];
    const ids = await Promise.all([...used].map((name) => hosts.kernel(name, this.#kernels)));
    return ids.filter((id) => id !== undefined);
  }

  async #releaseHost(hosts: HostPool, name: string): Promise<void> {
    try {
      await hosts.release(name, AbortSignal.timeout(60_000));
    } catch (error) {
      const fault = faultOf(error) === 'unreachable' ? 'unreachable' : 'teardown';
      await this.#store.appendIfPossible({
        type: 'problem',
        problem: {
          where: `host ${name}`,
          fault,
          message: messageOf(error),
          hint: `kvm4nfv cleanup --run ${this.#run}`,
        },
      });
    }
  }

  async #runTest(index: number, test: PlannedTest, deployments: Deployments): Promise<void> {
    const { name, context, tags, parameters, scenario } = test;
    const preview = test.runner.definition.preview(test.runner.options);
    const planned = { name, scenario: scenario.type, context, tags: [...tags], parameters: { ...parameters } };
    await this.#store.append({ type: 'test-started', index, test: planned, trials: preview.trials ?? null });
    const ending = await this.#endingOf(index, test, deployments);
    await this.#store.append({ type: 'test-finished', index, ...ending, reasons: [...ending.reasons] });
    if (this.#failFast && worst([ending.verdict, 'skip']) !== 'skip')
      this.#stop ??= `not run: --fail-fast after '${name}'`;
  }

  async #endingOf(index: number, test: PlannedTest, deployments: Deployments): Promise<Ending> {
    if (this.#signal.aborted) return { verdict: 'skip', reasons: ['not run: interrupted'] };
    if (this.#stop !== undefined) return { verdict: 'skip', reasons: [this.#stop] };
    let machines: readonly Machine[];
    try {
      machines = await deployments.machinesFor(test);
      await meetNeedsOf(test, machines, {
        plan: this.#plan,
        installed: (host, packages) => this.#store.append({ type: 'provisioned', host, packages: [...packages] }),
        signal: this.#signal,
      });
    } catch (error) {
      return { verdict: 'error', reasons: reasonsOf(error), ...troubleOf(error, this.#signal) };
    }
    return this.#runTrials(index, test, machines, deployments);
  }

  async #runTrials(
    index: number,
    test: PlannedTest,
    [sut, ...loadMachines]: readonly Machine[],
    deployments: Deployments,
  ): Promise<Ending> {
    if (sut === undefined) throw new Kvm4nfvError('internal', `no machine for ${test.name}`);
    const directory = this.#directoryOf(test.name);
    let trials: Trials | undefined;
    const finished: ResultTrial[] = [];
    const startedAt = new Date();
    let logged = false;
    let feedback: TrialFeedback | undefined;
    let ending: Ending | undefined;
    let missed: readonly string[] = [];
    try {
      trials = test.runner.definition.trials(test.runner.options);
      for (let number = 0; ending === undefined; number += 1) {
        const step = feedback === undefined ? await trials.next() : await trials.next(feedback);
        if (step.done === true) {
          missed = askedOutcome(test, step.value).missed ?? [];
          break;
        }
        const asked = askedTrial(test, step.value);
        await this.#pause(asked);
        const id = `${fileName(directory)}-${String(number)}`;
        await this.#store.append({
          type: 'trial-started',
          index,
          trial: id,
          warmUp: asked.warmUp ?? false,
          expected: test.scenario.preview(optionsOf(test, asked.parameters)).duration ?? null,
        });
        const outcome = await runTrial({
          run: this.#run,
          id,
          test,
          asked,
          sut,
          loadMachines,
          root: this.#store.directory,
          directory: path.join(this.#store.directory, directory, String(number)),
          signal: this.#signal,
        });
        await this.#store.redact(path.join(directory, String(number)));
        const result = await this.#verified(outcome.result, deployments);
        await this.#store.append({ type: 'trial-finished', index, trial: result });
        finished.push(result);
        if (outcome.measurement !== undefined) {
          const entries = hlogEntries(
            outcome.measurement,
            (Date.parse(outcome.result.startedAt) - startedAt.getTime()) * 1e6,
            (text) => this.#store.hide.label(text),
          );
          await appendHlog(this.#store, `${directory}.hlog`, startedAt, entries, !logged);
          logged ||= entries.length > 0;
        }
        if (outcome.measurement === undefined || result.verdict === 'error') {
          const { fault = 'internal', code, reasons } = result;
          ending = { verdict: 'error', reasons, fault, code };
        } else feedback = { measurement: outcome.measurement, met: worst([result.verdict, 'skip']) === 'skip' };
      }
    } catch (error) {
      ending = { verdict: 'error', reasons: reasonsOf(error), ...troubleOf(error, this.#signal) };
    }
    try {
      await trials?.return(undefined);
    } catch (error) {
      ending ??= { verdict: 'error', reasons: reasonsOf(error), ...troubleOf(error, this.#signal) };
    }
    const judged = finished.filter(({ warmUp }) => !warmUp);
    return (
      ending ?? {
        verdict: worst([...judged.map(({ verdict }) => verdict), ...(missed.length > 0 ? (['warn'] as const) : [])]),
        reasons: [...new Set(judged.flatMap(({ reasons }) => reasons)), ...missed],
      }
    );
  }

  /** A tuning that drifted while it was measured makes the measurement worthless. */
  async #verified(result: ResultTrial, deployments: Deployments): Promise<ResultTrial> {
    if (result.verdict === 'error') return result;
    const failed = (fault: Fault, reasons: readonly string[]): ResultTrial => ({
      ...result,
      verdict: 'error',
      fault,
      reasons: [...result.reasons, ...reasons],
    });
    try {
      const drifted = await deployments.drift();
      return drifted.length === 0 ? result : failed('environment', drifted);
    } catch (error) {
      // What was measured is kept all the same.
      const why = `the tuning could not be verified after the measurement: ${messageOf(error)}`;
      return failed(faultOf(error, this.#signal), [why]);
    }
  }

  async #pause({ pause = 0 }: TrialParameters): Promise<void> {
    if (pause > 0) await sleep(pause / 1e6, undefined, { signal: this.#signal });
  }

  #directoryOf(name: string): string {
    const wanted = fileName(name);
    let directory = wanted;
    for (let number = 2; this.#directories.has(directory); number += 1) directory = `${wanted}-${String(number)}`;
    this.#directories.add(directory);
    return directory;
  }
}
