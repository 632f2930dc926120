import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Question {
  readonly module: string;
  /** Undefined: runs all tests and tells what each reaches. */
  readonly mutant?: number;
  /** Full titles of the tests to run. Undefined: all. */
  readonly titles?: readonly string[];
  /** Whether the module is to be loaded anew, since the mutant is reached while that happens. */
  readonly anew?: boolean;
}

export interface Covered {
  readonly title: string;
  /** Ids of the mutants that it reaches. */
  readonly hits: readonly number[];
  /** Milliseconds. */
  readonly took: number;
}

export interface Failed {
  /** Of a test, or of what comes before or after tests. */
  readonly title: string;
  readonly message: string;
}

export type Answer =
  | {
      readonly kind: 'covered';
      /** What is reached while the module is loaded, and between the tests. */
      readonly atLoad: readonly number[];
      readonly between: readonly number[];
      readonly tests: readonly Covered[];
      readonly failed: readonly Failed[];
      /** Milliseconds that it took to load the module. */
      readonly loading: number;
    }
  | { readonly kind: 'tried'; readonly killed: boolean; readonly imports: number };

/** Modules that were imported are never given back: after so many a worker is followed by another. */
const mostImports = 80;

const ticksPerSecond = 100;

/** Milliseconds of CPU that a process has used: on a machine that is busy the clock says little. */
const cpuOf = (pid: number): number => {
  try {
    const fields = readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
  } catch {
    return 0;
  }
};

/** How often to look whether a process has used up what it was given. */
const lookEvery = 200;
/** What waits uses no CPU: so many times as long by the clock. */
const waiting = 8;

/** A process that runs tests, and another one in its place when it was ended. */
export class Worker {
  #child: ChildProcess | undefined;
  #imports = 0;

  /** The answer; `late` where there was none within so many milliseconds of CPU, `ended` where the process ended. */
  async ask(question: Question, within: number): Promise<Answer | 'late' | 'ended'> {
    if (this.#imports >= mostImports) this.end();
    const child = (this.#child ??= this.#fork());
    const answer = await new Promise<Answer | 'late' | 'ended'>((resolve) => {
      const [began, used] = [performance.now(), cpuOf(child.pid ?? 0)];
      const settle = (given: Answer | 'late' | 'ended'): void => {
        clearInterval(timer);
        child.removeAllListeners('message').removeAllListeners('exit');
        resolve(given);
      };
      const timer = setInterval(() => {
        if (cpuOf(child.pid ?? 0) - used > within || performance.now() - began > waiting * within) settle('late');
      }, lookEvery);
      child.once('message', settle).once('exit', () => {
        settle('ended');
      });
      child.send(question);
    });
    if (typeof answer === 'string') this.end();
    else if (answer.kind === 'tried') this.#imports = answer.imports;
    return answer;
  }

  end(): void {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  #fork(): ChildProcess {
    this.#imports = 0;
    return fork(join(import.meta.dirname, 'worker.ts'), [], {
      execArgv: ['--import', 'tsx', '--max-old-space-size=3072'],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
  }
}
