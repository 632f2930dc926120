import { messageOf } from './error.js';

type Undo = () => Promise<unknown>;

/** Undoes things in reverse order. Every step is tried, whatever the others do. */
export class Teardown {
  readonly #steps: { readonly what: string; readonly undo: Undo }[] = [];

  defer(what: string, undo: Undo): void {
    this.#steps.push({ what, undo });
  }

  /** @returns what could not be undone, and why, a line for each. */
  async run(): Promise<string[]> {
    const left: string[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo();
      } catch (error) {
        left.push(`${step.what}: ${messageOf(error)}`);
      }
    }
    return left;
  }
}
