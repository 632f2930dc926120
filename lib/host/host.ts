import type { Duplex } from 'node:stream';
import { Kvm4nfvError, type ErrorCode, type Kvm4nfvErrorOptions } from '../error.js';

export interface ExecOptions {
  /** Bytes for standard input; it is closed after them. Default: empty. */
  readonly stdin?: string | Uint8Array;
  /** Milliseconds until the command is killed, children included. Default: an hour, after which it must be hung. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Bytes kept of each stream; of more, the head and the tail are kept and the middle dropped. Default: 8 MiB. */
  readonly maxOutput?: number;
  /** More than `maxOutput` is an error, and ends the command. Default: false. */
  readonly whole?: boolean;
  /** Run as root, through sudo where the user is not root. Default: false. */
  readonly root?: boolean;
  /** Throw {@link CommandError} when the command fails. Default: true. */
  readonly check?: boolean;
}

export interface ExecResult {
  readonly argv: readonly string[];
  /** Absent when a signal ended the command. */
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Bytes dropped from the middle of stdout and stderr because of `maxOutput`. */
  readonly dropped: number;
}

/** What a long tool needs to run detached: it survives a lost connection and is found again by `run` and `name`. */
export interface JobSpec {
  /** Id of the run that owns the job. */
  readonly run: string;
  /** Unique within the run: letters, digits, `.`, `_`, `-`. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly root?: boolean;
}

export interface JobResult {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** By the host's own clock, nanoseconds since the epoch. */
  readonly startedAt: bigint;
  readonly endedAt: bigint;
  /** CPU time that our supervisor of the job (not the tool) used on the host, nanoseconds. */
  readonly overhead: number;
}

/** A detached job: own session and process group; pid, output and exit status are files in `directory` on the host. */
export interface Job extends AsyncDisposable {
  readonly name: string;
  readonly host: Host;
  /** Holds `stdout`, `stderr`, `status` and whatever the tool writes (its working directory). */
  readonly directory: string;
  readonly pid: number;
  /** Whether the job still runs. */
  running(): Promise<boolean>;
  /** Resolves when the job has ended; costs the host nothing meanwhile; reconnects when the connection is lost. */
  wait(options?: { readonly timeout?: number; readonly signal?: AbortSignal }): Promise<JobResult>;
  /** Ends the job, children included; when it resolves no process of it is left. */
  cancel(options?: { readonly grace?: number }): Promise<void>;
  /** Cancels where it still runs, then removes `directory`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a file of a host is read. Nothing but regular files is: others never answer, or never end. */
export interface FileOptions {
  readonly root?: boolean;
  readonly signal?: AbortSignal;
  /** Bytes that are taken at most. Default: 16 MiB of what is read, 1 GiB of what is downloaded. */
  readonly limit?: number;
  /** Of a larger file the first and the last half of `limit` are taken, with a line between; without, it is an error. */
  readonly cut?: boolean;
  /** Directory of the host that no link may lead out of. */
  readonly within?: string;
}

/** Bytes that a file has on its host, and how many of them were taken. */
export interface Fetched {
  readonly size: number;
  readonly taken: number;
}

/** Where {@link Host.connect} connects to, as seen from that host. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/** A machine that runs commands: this one, one behind SSH, or a guest. */
export interface Host extends AsyncDisposable {
  readonly name: string;
  readonly transport: 'local' | 'ssh' | 'simulated';
  /** Runs argv, without a shell, and waits for it. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  start(job: JobSpec): Promise<Job>;
  /** Finds a job again that was started earlier, by this controller or by one that died. */
  attach(run: string, name: string): Promise<Job>;
  /** {@link HostFileError} where it is not there or not to be read. */
  read(path: string, options?: FileOptions): Promise<string>;
  /** Writes the whole file. Atomic (through a temporary name) except below /proc and /sys. */
  write(path: string, text: string, options?: { readonly mode?: number; readonly root?: boolean }): Promise<void>;
  upload(localPath: string, remotePath: string, options?: { readonly mode?: number }): Promise<void>;
  download(remotePath: string, localPath: string, options?: FileOptions): Promise<Fetched>;
  /** Downloads all or none in one round trip; where a host has no such way, `downloadFiles` downloads them one by one. */
  downloadMany?(
    files: readonly (readonly [remotePath: string, localPath: string])[],
    options?: FileOptions,
  ): Promise<readonly Fetched[]>;
  /** Names of the jobs that were started through this host and may have left something there; absent where nobody keeps them. */
  readonly unremoved?: ReadonlySet<string>;
  /** A byte stream to an endpoint that this host can reach. */
  connect(endpoint: Endpoint, options?: { readonly signal?: AbortSignal }): Promise<Duplex>;
  /** Where a host has a way of its own, `readFiles` and `writeFiles` take it; others run a script through `exec`. */
  readMany?(
    paths: readonly string[],
    options?: { readonly root?: boolean; readonly signal?: AbortSignal },
  ): Promise<Map<string, string>>;
  writeMany?(
    files: readonly (readonly [path: string, text: string])[],
    options?: { readonly root?: boolean; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** CPU nanoseconds that our own processes have used on this host so far, the tools we run not counted. */
  overhead(): Promise<number>;
}

/** A command for the eye: our own scripts are longer than what they do. */
export const briefly = (argv: readonly string[]): string =>
  argv.map((word) => (word.includes('\n') ? '<script>' : word)).join(' ');

export class CommandError extends Kvm4nfvError {
  readonly result: ExecResult;
  constructor(host: string, result: ExecResult, hint?: string, code: ErrorCode = 'E_COMMAND') {
    const how = result.signal === undefined ? `exit ${String(result.exitCode)}` : `signal ${result.signal}`;
    const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-3).join('\n');
    super(
      code,
      `${host}: ${briefly(result.argv)}: ${how}${said === '' ? '' : `: ${said}`}`,
      hint === undefined ? {} : { hint },
    );
    this.result = result;
  }
}

/** A file of a host that can't be had. */
export class HostFileError extends Kvm4nfvError {
  readonly path: string;
  /** Why, in a few words. */
  readonly reason: string;
  constructor(host: string, verb: 'read' | 'write', path: string, reason: string, options?: Kvm4nfvErrorOptions) {
    super('E_HOST_FILE', `${host}: can't ${verb} ${path}: ${reason}`, options);
    this.path = path;
    this.reason = reason;
  }

  get absent(): boolean {
    return this.reason.endsWith('No such file or directory');
  }
}

/** A host that has ceased to be, such as a guest whose QEMU has ended: nothing of ours is left on it, nothing can be undone there. */
export class HostGoneError extends Kvm4nfvError {
  constructor(message: string, options?: { readonly hint?: string; readonly cause?: unknown }) {
    super('E_HOST_GONE', message, options);
  }
}

/** The host can't be reached, or the connection was lost and could not be made again. */
export class UnreachableError extends Kvm4nfvError {
  constructor(message: string, options?: Kvm4nfvErrorOptions, code: ErrorCode = 'E_UNREACHABLE') {
    super(code, message, options);
  }
}
