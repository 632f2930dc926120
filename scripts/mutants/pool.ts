import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface Question {
  readonly module: string;
  /** Undefined: runs all tests and tells what each reaches. */
  readonly mutant?: number;
  /** Full titles of the tests to run. Undefined: all. */
  readonly titles?: readonly string[];
}

export interface Covered {
  readonly title: string;
  /** Ids of the mutants that it reaches. */
  readonly hits: readonly number[];
  /** Milliseconds. */
  readonly took: number;
}

export type Answer =
  | {
      readonly kind: 'covered';
      /** What is reached while the module is loaded, and between the tests. */
      readonly atLoad: readonly number[];
      readonly between: readonly number[];
      readonly tests: readonly Covered[];
      readonly failed: readonly string[];
    }
  | { readonly kind: 'tried'; readonly killed: boolean };

/** Modules that are imported again are never given back: after so many a worker is followed by another. */
const mostImports = 120;

/** A process that runs tests, and another one in its place when it was ended. */
export class Worker {
  #child: ChildProcess | undefined;
  #imports = 0;

  /** The answer; undefined where there was none within the time, or the process ended. */
  async ask(question: Question, within: number): Promise<Answer | 'late' | 'ended'> {
    if (this.#imports++ >= mostImports) this.end();
    const child = (this.#child ??= this.#fork());
    const answer = await new Promise<Answer | 'late' | 'ended'>((resolve) => {
      const settle = (given: Answer | 'late' | 'ended'): void => {
        clearTimeout(timer);
        child.removeAllListeners('message').removeAllListeners('exit');
        resolve(given);
      };
      const timer = setTimeout(() => {
        settle('late');
      }, within);
      child.once('message', settle).once('exit', () => {
        settle('ended');
      });
      child.send(question);
    });
    if (typeof answer === 'string') this.end();
    return answer;
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  #fork(): ChildProcess {
    this.#imports = 1;
    return fork(join(import.meta.dirname, 'worker.ts'), [], {
      execArgv: ['--import', 'tsx', '--max-old-space-size=2048'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }
}
