import { chainOf, machinesOf } from '../run/chains.js';
import type { Plan, PlannedTest } from '../run/plan.js';

/**
 * Follows the tests in their order, and tells before which of them a tuning is put back, and set once more. Machines are
 * known by their names here; a run knows them by their kernels.
 */
export class TuningForecast {
  readonly #plan: Plan;
  /** Contexts that set something. */
  readonly #tuned: ReadonlySet<string>;
  readonly #seen = new Set<string>();
  #inForce: readonly string[] = [];

  private constructor(plan: Plan, tuned: ReadonlySet<string>) {
    this.#plan = plan;
    this.#tuned = tuned;
  }

  static async of(plan: Plan): Promise<TuningForecast> {
    const tuned = new Set<string>();
    for (const { name, tuning } of plan.contexts.values()) {
      if (tuning === undefined) continue;
      // Knobs are loaded for suites that tune only.
      const { resolveNamed } = await import('../tuning/resolve.js');
      if (!(await resolveNamed(tuning)).observe) tuned.add(name);
    }
    return new TuningForecast(plan, tuned);
  }

  /** A line for each tuning that is put back before the test, and for each that is set anew. */
  before(test: PlannedTest): readonly string[] {
    const needed = machinesOf(this.#plan, test);
    const machines = new Set(needed.map((name) => this.#machineOf(name)));
    const here = (name: string): boolean => machines.has(this.#machineOf(name));
    const first = this.#inForce.findIndex((name) => here(name) && !needed.includes(name));
    // What was set later on the same machine goes first.
    const going = first < 0 ? [] : this.#inForce.filter((name, index) => index >= first && here(name));
    const staying = this.#inForce.filter((name) => !going.includes(name));
    const coming = needed.filter((name) => this.#tuned.has(name) && !staying.includes(name)).reverse();
    this.#inForce = [...staying, ...coming];
    const again = coming.filter((name) => this.#seen.has(name));
    for (const name of coming) this.#seen.add(name);
    return [
      ...going.reverse().map((name) => `before: put back the tuning of ${name}, with what was deployed under it`),
      ...again.map((name) => `before: set the tuning of ${name} once more`),
    ];
  }

  /** The host, or the context that has a machine of its own: one whose CPUs are its own. */
  #machineOf(name: string): string {
    const chain = chainOf(this.#plan, name);
    return chain.find((link) => this.#plan.contexts.get(link)?.definition.cpus !== undefined) ?? chain.at(-1) ?? name;
  }
}
