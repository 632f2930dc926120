import { createReadStream } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { rename, rm, stat } from 'node:fs/promises';
import type { Duplex, Readable, Writable } from 'node:stream';
import { fileProblem, Kvm4nfvError } from '../error.js';
import { checkResult, type Command } from './command.js';
import { joinScript, readScript } from './file-scripts.js';
import { attachJob, startJob } from './job.js';
import {
  CommandError,
  HostFileError,
  type Endpoint,
  type ExecOptions,
  type ExecResult,
  type Fetched,
  type FileOptions,
  type Host,
  type Job,
  type JobSpec,
} from './host.js';
import { maxDownload, maxText, transferTime } from './limits.js';
import { SplitFiles, type Part } from './split-files.js';

const highWaterMark = 256 * 1024;

/**
 * `$1` the file, `$2` its mode or nothing, `$3` its size; the bytes come on standard input. The size is checked since a
 * lost connection looks like the end of the input. Below /proc and /sys nothing can be renamed.
 */
const writeScript = String.raw`
export LC_ALL=C
case $1 in /proc/* | /sys/*) exec cat >"$1" ;; esac
temporary=$1.kvm4nfv.$$
rm -f -- "$temporary"
trap 'rm -f -- "$temporary"' EXIT
umask 077
# Never into what somebody else puts there meanwhile.
set -C
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
    throw new Kvm4nfvError('E_LOCAL_FILE', `can't ${verb} ${path} of this machine: ${fileProblem(error)}`, {
      cause: error,
    });
  }
};

/** Whether a text has more bytes; none is looked at where it can't. */
const isLonger = (text: string, bytes: number): boolean => 3 * text.length > bytes && Buffer.byteLength(text) > bytes;

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

  async read(path: string, options: FileOptions = {}): Promise<string> {
    const { limit = maxText, cut = false, within = '', ...rest } = options;
    const argv = ['sh', '-c', readScript, 'sh', path, String(limit), cut ? 'cut' : '', within];
    const longest = transferTime(limit);
    // What stands between the halves has its place too.
    const result = await this.run({ ...rest, argv, maxOutput: limit + 4096, whole: true, longest, repeatable: true });
    const { stdout } = this.#file('read', path, result);
    if (!cut && isLonger(stdout, limit))
      throw new HostFileError(this.name, 'read', path, `it has more than the ${String(limit)} bytes that are taken`);
    return stdout;
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

  async download(remotePath: string, localPath: string, options: FileOptions = {}): Promise<Fetched> {
    const [fetched = { size: 0, taken: 0 }] = await this.downloadMany([[remotePath, localPath]], options);
    return fetched;
  }

  async downloadMany(
    files: readonly (readonly [remotePath: string, localPath: string])[],
    options: FileOptions = {},
  ): Promise<readonly Fetched[]> {
    const { limit = maxDownload, cut = false, within = '', ...rest } = options;
    const parts = files.map(([remotePath, localPath]): Part => ({
      remotePath,
      localPath,
      temporary: `${localPath}.${randomUUID()}.part`,
    }));
    try {
      let split = new SplitFiles([], { limit, cut });
      const output = (): Writable => (split = new SplitFiles(parts, { limit, cut }));
      const paths = parts.map(({ remotePath }) => remotePath);
      const argv = ['sh', '-c', joinScript, 'sh', String(limit), cut ? 'cut' : '', within, ...paths];
      const longest = transferTime(limit * parts.length);
      const result = await this.run({ ...rest, argv, output, longest, repeatable: true });
      const fetched = split.told.map((told, index): Fetched => {
        if ('reason' in told) throw new HostFileError(this.name, 'read', paths[index] ?? '', told.reason);
        return told;
      });
      this.#file('read', paths.join(', '), result);
      if (!split.complete)
        throw new Kvm4nfvError('E_ANSWER', `${this.name}: ${paths.join(', ')}: fewer bytes came than were announced`);
      for (const { temporary, localPath } of parts) await local('write', localPath, () => rename(temporary, localPath));
      return fetched;
    } finally {
      await Promise.all(parts.map(({ temporary }) => rm(temporary, { force: true })));
    }
  }

  #file(verb: 'read' | 'write', path: string, result: ExecResult): ExecResult {
    if (result.exitCode === 0) return result;
    const said = result.stderr.trim().replace(/^(?:cat|sh|mv|chmod|head|tail): (?:\d+: )?/, '');
    throw new HostFileError(this.name, verb, path, said, { cause: new CommandError(this.name, result) });
  }
}
