type Undo = () => Promise<void>;

/** Undoes things in reverse order. Every step is tried, whatever the others do; the failures are given back. */
export class Teardown {
  readonly #steps: { readonly what: string; readonly undo: Undo }[] = [];

  defer(what: string, undo: Undo): void {
    this.#steps.push({ what, undo });
  }

  async run(): Promise<readonly { readonly what: string; readonly error: unknown }[]> {
    const failures: { what: string; error: unknown }[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        failures.push({ what: step.what, error });
      }
    }
    return failures;
  }
}
