import { readFile, writeFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { Kvm4nfvError } from '../error.js';
import { checkResult } from './command.js';
import { factsScript } from './facts-script.js';
import { WriteError, type FilesOptions } from './files.js';
import {
  HostFileError,
  UnreachableError,
  type Endpoint,
  type ExecOptions,
  type ExecResult,
  type Fetched,
  type FileOptions,
  type Host,
  type Job,
  type JobSpec,
} from './host.js';
import { maxDownload, maxText } from './limits.js';
import { Output } from './output.js';
import { SimulatedJob, type SimulatedOutcome } from './simulated-job.js';

export type { SimulatedOutcome } from './simulated-job.js';

/** Answers a command, or a job with that command; a promise lets a job run until it resolves. */
export type SimulatedCommand = (
  argv: readonly string[],
  options: ExecOptions,
) => SimulatedOutcome | string | Promise<SimulatedOutcome | string>;

/** Thrown by a write hook: the file refuses the text, as the kernel does with EINVAL. */
export class Refusal extends Error {
  constructor(reason = 'Invalid argument') {
    super(reason);
    this.name = 'Refusal';
  }
}

/** Stands in for a file's taking of a text: throws {@link Refusal}, or sets files of the host as the kernel would. */
export type SimulatedWrite = (text: string, host: SimulatedHost) => void;

export interface SimulatedHostOptions {
  readonly name?: string;
  /** The host's files by their absolute paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** What answers a command, by `argv[0]`. Others are not found (exit 127). */
  readonly commands?: Readonly<Record<string, SimulatedCommand>>;
  /** What happens in the place of a plain write, by path. */
  readonly writes?: Readonly<Record<string, SimulatedWrite>>;
  readonly endpoints?: (endpoint: Endpoint) => Promise<Duplex>;
  readonly uid?: number;
  readonly machine?: string;
}

/**
 * A host that is not there: files in memory, commands that functions answer. For tests of scenarios, contexts and knobs;
 * nothing of the machine that runs the test is touched. `readFiles`, `writeFiles` and `readFacts` work on it.
 */
export class SimulatedHost implements Host {
  readonly name: string;
  readonly transport = 'simulated';
  /** The files as they are now. */
  readonly files: Map<string, string>;
  /** Every command so far, jobs included. */
  readonly executed: (readonly string[])[] = [];
  /** Every write so far that was not refused. */
  readonly written: (readonly [path: string, text: string])[] = [];
  readonly #options: SimulatedHostOptions;
  readonly #jobs = new Map<string, SimulatedJob>();

  constructor(options: SimulatedHostOptions = {}) {
    this.name = options.name ?? 'simulated';
    this.files = new Map(Object.entries(options.files ?? {}));
    this.#options = options;
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    options.signal?.throwIfAborted();
    this.executed.push(argv);
    const { exitCode = 0, signal, stdout = '', stderr = '' } = await this.#answer(argv, options, '/');
    const result = { argv, exitCode: signal === undefined ? exitCode : undefined, signal, stdout, stderr, dropped: 0 };
    return checkResult(this.name, result, options.check);
  }

  start(spec: JobSpec): Promise<Job> {
    const id = `${spec.run}/${spec.name}`;
    const directory = `/run/kvm4nfv/${id}`;
    if (this.#jobs.has(id))
      return Promise.reject(
        new Kvm4nfvError('E_EXISTS', `${this.name}: job ${spec.name} of run ${spec.run} is there already`),
      );
    this.executed.push(spec.argv);
    const options = {
      ...(spec.env === undefined ? {} : { env: spec.env }),
      ...(spec.root === undefined ? {} : { root: spec.root }),
    };
    const job = new SimulatedJob(
      spec,
      { host: this, directory, pid: 1000 + this.executed.length },
      this.#answer(spec.argv, options, directory),
      {
        finish: ({ stdout = '', stderr = '' }) => {
          this.files.set(`${directory}/stdout`, stdout).set(`${directory}/stderr`, stderr);
        },
        remove: () => {
          this.#jobs.delete(id);
          for (const path of this.files.keys()) if (path.startsWith(`${directory}/`)) this.files.delete(path);
        },
      },
    );
    this.#jobs.set(id, job);
    return Promise.resolve(job);
  }

  attach(run: string, name: string): Promise<Job> {
    const job = this.#jobs.get(`${run}/${name}`);
    return job === undefined
      ? Promise.reject(new Kvm4nfvError('E_NO_JOB', `${this.name}: there is no job ${name} of run ${run}`))
      : Promise.resolve(job);
  }

  read(path: string, { limit = maxText, cut = false }: FileOptions = {}): Promise<string> {
    const text = this.files.get(path);
    if (text === undefined) return Promise.reject(this.#refused(path, 'No such file or directory'));
    const size = Buffer.byteLength(text);
    if (size <= limit) return Promise.resolve(text);
    if (!cut) return Promise.reject(this.#refused(path, `it has more than the ${String(limit)} bytes that are taken`));
    const output = new Output(limit);
    output.add(Buffer.from(text));
    return Promise.resolve(output.finish().text);
  }

  async write(path: string, text: string): Promise<void> {
    await this.writeMany([[path, text]]);
  }

  async upload(localPath: string, remotePath: string): Promise<void> {
    this.files.set(remotePath, await readFile(localPath, 'utf8'));
  }

  async download(remotePath: string, localPath: string, options: FileOptions = {}): Promise<Fetched> {
    const { limit = maxDownload } = options;
    await writeFile(localPath, await this.read(remotePath, { ...options, limit }));
    const size = Buffer.byteLength(this.files.get(remotePath) ?? '');
    return { size, taken: size <= limit ? size : 2 * Math.floor(limit / 2) };
  }

  readMany(paths: readonly string[]): Promise<Map<string, string>> {
    return Promise.resolve(
      new Map(
        paths.flatMap((path) => {
          const text = this.files.get(path);
          return text === undefined ? [] : [[path, text] as const];
        }),
      ),
    );
  }

  writeMany(files: readonly (readonly [path: string, text: string])[], options: FilesOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    for (const [path, text] of files) {
      const refusal = this.#put(path, text);
      if (refusal !== undefined) return Promise.reject(refusal);
      this.written.push([path, text]);
    }
    return Promise.resolve();
  }

  connect(endpoint: Endpoint): Promise<Duplex> {
    const connect = this.#options.endpoints;
    return connect === undefined
      ? Promise.reject(new UnreachableError(`${this.name}: nothing listens at ${JSON.stringify(endpoint)}`))
      : connect(endpoint);
  }

  overhead(): Promise<number> {
    return Promise.resolve(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const job of this.#jobs.values()) await job.cancel();
  }

  /** Below /proc and /sys no file can be made; what takes a value shows it with a newline. */
  #put(path: string, text: string): WriteError | undefined {
    const kernel = /^\/(?:proc|sys)\//.test(path);
    const hook = this.#options.writes?.[path];
    try {
      if (hook !== undefined) hook(text, this);
      else if (kernel && !this.files.has(path)) throw new Refusal('No such file or directory');
      else this.files.set(path, kernel && !text.endsWith('\n') ? `${text}\n` : text);
      return undefined;
    } catch (error) {
      if (error instanceof Refusal) return new WriteError(this.name, path, text, error.message);
      throw error;
    }
  }

  async #answer(argv: readonly string[], options: ExecOptions, directory: string): Promise<SimulatedOutcome> {
    if (argv[0] === 'sh' && argv[2] === factsScript) return { stdout: this.#facts() };
    const command = this.#options.commands?.[argv[0] ?? ''];
    if (command === undefined) return { exitCode: 127, stderr: `env: '${argv[0] ?? ''}': No such file or directory\n` };
    const answer = await command(argv, options);
    const outcome = typeof answer === 'string' ? { stdout: answer } : answer;
    for (const [path, text] of Object.entries(outcome.files ?? {}))
      this.files.set(path.startsWith('/') ? path : `${directory}/${path}`, text);
    return outcome;
  }

  #facts(): string {
    const { uid = 0, machine = 'x86_64' } = this.#options;
    const told = [`:uid\0${String(uid)}`, `:user\0${uid === 0 ? 'root' : 'user'}`, `:machine\0${machine}`];
    const shown = [...this.files].filter(([path]) => /^\/(?:proc|sys)\//.test(path));
    return [
      ...told,
      ...shown.flatMap(([path, text]) =>
        text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => `${path}\0${line}`),
      ),
    ].join('\n');
  }

  #refused(path: string, reason: string): HostFileError {
    return new HostFileError(this.name, 'read', path, reason);
  }
}
