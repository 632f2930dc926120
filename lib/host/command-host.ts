import { createReadStream, createWriteStream } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import type { Duplex, Readable, Writable } from 'node:stream';
import { Kvm4nfvError, messageOf } from '../error.js';
import { checkResult, type Command } from './command.js';
import { attachJob, startJob } from './job.js';
import {
  CommandError,
  type Endpoint,
  type ExecOptions,
  type ExecResult,
  type Host,
  type Job,
  type JobSpec,
} from './host.js';
import { joinScript, SplitFiles } from './split-files.js';

/** Of a file that is read whole: a string of V8 holds no more than 512 MiB. */
const maxFile = 256 * 1024 * 1024;
const highWaterMark = 256 * 1024;

/**
 * `$1` the file, `$2` its mode or nothing, `$3` its size; the bytes come on standard input. The size is checked since a
 * lost connection looks like the end of the input. Below /proc and /sys nothing can be renamed.
 */
const writeScript = String.raw`
export LC_ALL=C
case $1 in /proc/* | /sys/*) exec cat >"$1" ;; esac
temporary=$1.kvm4nfv.$$
trap 'rm -f -- "$temporary"' EXIT
umask 077
cat >"$temporary" || exit 1
got=$(wc -c <"$temporary")
if [ "$got" -ne "$3" ]; then printf '%s of %s bytes came' "$got" "$3" >&2; exit 1; fi
if [ -n "$2" ]; then chmod -- "$2" "$temporary"
elif [ -e "$1" ]; then chmod --reference="$1" -- "$temporary"
else chmod -- 644 "$temporary"; fi || exit 1
mv -f -- "$temporary" "$1"
`;

const writeArgv = (path: string, mode: number | undefined, size: number): readonly string[] => [
  'sh',
  '-c',
  writeScript,
  'sh',
  path,
  mode === undefined ? '' : mode.toString(8),
  String(size),
];

const local = async <T>(verb: string, path: string, action: () => Promise<T>): Promise<T> => {
  try {
    return await action();
  } catch (error) {
    throw new Kvm4nfvError('E_LOCAL_FILE', `can't ${verb} ${path} of this machine: ${messageOf(error)}`, {
      cause: error,
    });
  }
};

/** A host whose every service but byte streams comes from running commands on it. */
export abstract class CommandHost implements Host {
  abstract readonly name: string;
  abstract readonly transport: 'local' | 'ssh';

  /** Runs a command to its end, whatever its exit status. */
  abstract run(command: Command): Promise<ExecResult>;
  abstract connect(endpoint: Endpoint, options?: { readonly signal?: AbortSignal }): Promise<Duplex>;
  abstract overhead(): Promise<number>;
  abstract [Symbol.asyncDispose](): Promise<void>;

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return checkResult(this.name, await this.run({ ...options, argv }), options.check);
  }

  readonly unremoved = new Set<string>();

  start(spec: JobSpec): Promise<Job> {
    // Before it starts: an answer may be lost.
    this.unremoved.add(spec.name);
    return startJob(this, spec);
  }

  attach(run: string, name: string): Promise<Job> {
    return attachJob(this, run, name);
  }

  async read(path: string, options: { readonly root?: boolean } = {}): Promise<string> {
    const result = await this.run({ ...options, argv: ['cat', '--', path], maxOutput: 2 * maxFile, repeatable: true });
    return this.#file('read', path, result).stdout;
  }

  async write(
    path: string,
    text: string,
    options: { readonly mode?: number; readonly root?: boolean } = {},
  ): Promise<void> {
    const { mode, ...rest } = options;
    const argv = writeArgv(path, mode, Buffer.byteLength(text));
    this.#file('write', path, await this.run({ ...rest, argv, stdin: text, repeatable: true }));
  }

  async upload(localPath: string, remotePath: string, options: { readonly mode?: number } = {}): Promise<void> {
    const { mode, size } = await local('read', localPath, () => stat(localPath));
    const argv = writeArgv(remotePath, (options.mode ?? mode) & 0o7777, size);
    const input = (): Readable => createReadStream(localPath, { highWaterMark });
    this.#file('write', remotePath, await this.run({ argv, input, repeatable: true }));
  }

  async download(remotePath: string, localPath: string, options: { readonly root?: boolean } = {}): Promise<void> {
    const temporary = `${localPath}.${randomUUID()}.part`;
    try {
      const output = (): Writable => createWriteStream(temporary, { highWaterMark });
      const command = { ...options, argv: ['cat', '--', remotePath], output, repeatable: true };
      this.#file('read', remotePath, await this.run(command));
      await local('write', localPath, () => rename(temporary, localPath));
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async downloadMany(
    files: readonly (readonly [remotePath: string, localPath: string])[],
    options: { readonly root?: boolean } = {},
  ): Promise<void> {
    const parts = files.map(([remotePath, localPath]) => ({
      remotePath,
      localPath,
      temporary: `${localPath}.${randomUUID()}.part`,
    }));
    try {
      const whole = parts.map(({ remotePath }) => remotePath).join(', ');
      let split = new SplitFiles([]);
      const output = (): Writable => (split = new SplitFiles(parts.map(({ temporary }) => temporary)));
      const argv = ['sh', '-c', joinScript, 'sh', ...parts.map(({ remotePath }) => remotePath)];
      this.#file('read', whole, await this.run({ ...options, argv, output, repeatable: true }));
      if (!split.complete)
        throw new Kvm4nfvError('internal', `${this.name}: ${whole}: fewer bytes came than were announced`);
      for (const { temporary, localPath } of parts) await local('write', localPath, () => rename(temporary, localPath));
    } finally {
      await Promise.all(parts.map(({ temporary }) => rm(temporary, { force: true })));
    }
  }

  #file(verb: string, path: string, result: ExecResult): ExecResult {
    if (result.exitCode === 0) return result;
    const said = result.stderr.trim().replace(/^(?:cat|sh|mv|chmod|head): (?:\d+: )?/, '');
    throw new Kvm4nfvError('E_HOST_FILE', `${this.name}: can't ${verb} ${path}: ${said}`, {
      cause: new CommandError(this.name, result),
    });
  }
}
