import { warn } from './output.js';

/** Aborts at the first SIGINT or SIGTERM; the second ends us at once, with a word on how to clean up. */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #advice: () => string;

  constructor(advice: () => string) {
    this.#advice = advice;
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGHUP', this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) {
      warn(`\nnot everything was put back. To do so: ${this.#advice()}`);
      process.exit(130);
    }
    warn('\ninterrupted: ending the test and putting everything back (once more to leave at once)');
    this.#controller.abort();
  };

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGHUP', this.#onSignal);
  }
}
