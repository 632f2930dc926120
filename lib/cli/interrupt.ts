import { Kvm4nfvError, messageOf } from '../error.js';
import { fail, warn } from './output.js';

/**
 * Aborts at the first SIGINT or SIGTERM; the second ends us at once, with a word on how to clean up. An error that nobody caught, as one of a
 * plug-in may be, aborts too: Node would end us and leave everything as it is.
 */
export class Interrupt implements Disposable {
  readonly #controller = new AbortController();
  readonly #advice: () => string;

  constructor(advice: () => string) {
    this.#advice = advice;
    process.on('SIGINT', this.#onSignal);
    process.on('SIGTERM', this.#onSignal);
    process.on('SIGHUP', this.#onSignal);
    process.on('uncaughtException', this.#onStray);
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

  readonly #onStray = (error: unknown): void => {
    fail(error);
    if (this.#controller.signal.aborted) return;
    warn('nobody caught this error: ending the test and putting everything back');
    this.#controller.abort(
      new Kvm4nfvError('internal', `an error that nobody caught: ${messageOf(error)}`, {
        hint: 'a plug-in that waits for nobody, or kvm4nfv itself: please report it',
      }),
    );
  };

  [Symbol.dispose](): void {
    process.off('SIGINT', this.#onSignal);
    process.off('SIGTERM', this.#onSignal);
    process.off('SIGHUP', this.#onSignal);
    process.off('uncaughtException', this.#onStray);
  }
}
