import { Kvm4nfvError } from '../error.js';
import type { Host, Job, JobResult, JobSpec } from './host.js';

/** How a simulated command or job ends. What is left out: exit status 0, no output. */
export interface SimulatedOutcome {
  readonly exitCode?: number;
  readonly signal?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Files that the command writes: absolute paths, or relative to a job's directory. */
  readonly files?: Readonly<Record<string, string>>;
}

const now = (): bigint => BigInt(Date.now()) * 1_000_000n;

/** A job of a simulated host: it ends when its outcome is there, or is cancelled. */
export class SimulatedJob implements Job {
  readonly host: Host;
  readonly name: string;
  readonly directory: string;
  readonly pid: number;
  readonly ended: Promise<JobResult>;
  readonly #remove: () => void;
  #end: (outcome: SimulatedOutcome) => void = () => undefined;
  #running = true;

  constructor(
    spec: JobSpec,
    place: { readonly host: Host; readonly directory: string; readonly pid: number },
    outcome: Promise<SimulatedOutcome>,
    hooks: { readonly finish: (outcome: SimulatedOutcome) => void; readonly remove: () => void },
  ) {
    this.host = place.host;
    this.name = spec.name;
    this.directory = place.directory;
    this.pid = place.pid;
    this.#remove = hooks.remove;
    const startedAt = now();
    this.ended = new Promise((resolve) => {
      this.#end = (how) => {
        if (!this.#running) return;
        this.#running = false;
        hooks.finish(how);
        const exitCode = how.signal === undefined ? (how.exitCode ?? 0) : undefined;
        resolve({ exitCode, signal: how.signal, startedAt, endedAt: now(), overhead: 0 });
      };
    });
    outcome.then(this.#end, (error: unknown) => {
      this.#end({ exitCode: 1, stderr: String(error) });
    });
  }

  running(): Promise<boolean> {
    return Promise.resolve(this.#running);
  }

  async wait(options: { readonly timeout?: number; readonly signal?: AbortSignal } = {}): Promise<JobResult> {
    const { timeout, signal } = options;
    const limits = [signal, timeout === undefined ? undefined : AbortSignal.timeout(timeout)].filter(
      (limit) => limit !== undefined,
    );
    const limit = AbortSignal.any(limits);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        const fault = signal?.aborted === true ? 'interrupted' : 'tool';
        reject(new Kvm4nfvError(fault, `${this.host.name}: job ${this.name} still runs`, { cause: limit.reason }));
      };
      if (limit.aborted) stop();
      limit.addEventListener('abort', stop, { once: true });
      void this.ended.then(resolve).finally(() => {
        limit.removeEventListener('abort', stop);
      });
    });
  }

  cancel(): Promise<void> {
    this.#end({ signal: 'SIGTERM' });
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel();
    this.#remove();
  }
}
