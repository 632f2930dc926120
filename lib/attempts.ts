import { messageOf } from './error.js';

/** Does one thing after the other, whatever becomes of each: keeps what was done, and why the rest was not. */
export class Attempts {
  readonly done: string[] = [];
  readonly failed: string[] = [];

  async make(work: () => Promise<readonly string[]>): Promise<void> {
    try {
      this.done.push(...(await work()));
    } catch (error) {
      this.failed.push(messageOf(error));
    }
  }
}
