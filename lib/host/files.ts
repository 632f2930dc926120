import { randomBytes } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import { CommandError, type Fetched, type FileOptions, type Host } from './host.js';
import { transferTime } from './limits.js';

export interface FilesOptions {
  readonly root?: boolean;
  readonly signal?: AbortSignal;
}

/** A file that was not written, and why, in the kernel's words. */
export class WriteError extends CommandError {
  readonly path: string;
  readonly text: string;
  constructor(host: string, path: string, text: string, reason: string) {
    const argv = ['write', path];
    super(host, {
      argv,
      exitCode: 1,
      signal: undefined,
      stdout: '',
      stderr: `'${text.trim()}' refused: ${reason}`,
      dropped: 0,
    });
    this.path = path;
    this.text = text;
  }
}

/**
 * `$1` is a token that no file can hold by accident; it follows each file's bytes, with `+` where all of them could be read.
 * A process for each file, since only the exit status tells a file that is empty from one that refuses to be read.
 */
const readScript = String.raw`
token=$1
shift
for path do
  if [ -r "$path" ] && [ -f "$path" ] && cat -- "$path" 2>/dev/null; then printf '%s+' "$token"; else printf '%s-' "$token"; fi
done
`;

/**
 * `tee` and not the shell's own printf: it makes one write(2) of it, as /sys wants, and says which error the kernel gave.
 * Stops at the first refusal and prints its number and the reason.
 */
const writeScript = String.raw`
export LC_ALL=C
index=0
while [ $# -gt 0 ]; do
  if ! said=$(printf '%s' "$2" | tee -- "$1" 2>&1 >/dev/null); then printf '%s %s' "$index" "$said"; exit 1; fi
  shift 2
  index=$((index + 1))
done
`;

/** The kernel takes 128 KiB in one argument, which is what a command behind SSH is; quoting may double a word. */
const batchBytes = 48 * 1024;
/** Bytes of all files of a batch. The largest of /proc has 14 MB on a machine of 512 CPUs. */
const maxBatchOutput = 32 * 1024 * 1024;
/** Milliseconds. */
const batchDeadline = transferTime(maxBatchOutput);

const batches = function* <T>(items: readonly T[], sizeOf: (item: T) => number): Generator<readonly T[]> {
  let batch: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const own = sizeOf(item) + 8;
    if (batch.length > 0 && bytes + own > batchBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += own;
  }
  if (batch.length > 0) yield batch;
};

/**
 * Reads many files in one round trip (more only for a list of more than 48 KiB of names). Files that are not there, or
 * can't be read, are left out. Exact to the last newline; what is no UTF-8 is replaced, as in {@link Host.read}.
 */
export const readFiles = async (
  host: Host,
  paths: readonly string[],
  options: FilesOptions = {},
): Promise<Map<string, string>> => {
  if (host.readMany !== undefined) return host.readMany(paths, options);
  const texts = new Map<string, string>();
  for (const batch of batches(paths, (path) => Buffer.byteLength(path))) {
    const token = randomBytes(16).toString('hex');
    const result = await host.exec(['sh', '-c', readScript, 'sh', token, ...batch], {
      timeout: batchDeadline,
      ...options,
      maxOutput: maxBatchOutput,
      whole: true,
    });
    const parts = result.stdout.split(token);
    if (parts.length !== batch.length + 1)
      throw new Kvm4nfvError(
        'E_ANSWER',
        `${host.name}: ${String(batch.length)} files were asked for and ${String(parts.length - 1)} came back`,
      );
    batch.forEach((path, index) => {
      const text = index === 0 ? parts[0] : parts[index]?.slice(1);
      if (parts[index + 1]?.startsWith('+') === true && text !== undefined) texts.set(path, text);
    });
  }
  return texts;
};

/**
 * Writes many small files in one round trip, in order, in place: for /proc, /sys and their like. Stops at the first that
 * is refused with a {@link WriteError}; those before it have been written.
 */
export const writeFiles = async (
  host: Host,
  files: Iterable<readonly [path: string, text: string]>,
  options: FilesOptions = {},
): Promise<void> => {
  const all = [...files];
  if (host.writeMany !== undefined) return host.writeMany(all, options);
  for (const batch of batches(all, ([path, text]) => Buffer.byteLength(path) + Buffer.byteLength(text))) {
    const result = await host.exec(['sh', '-c', writeScript, 'sh', ...batch.flat()], { ...options, check: false });
    if (result.exitCode === 0) continue;
    const [, index, reason] = /^(\d+) ([^]*)$/.exec(result.stdout) ?? [];
    const failed = batch[Number(index)];
    if (reason === undefined || failed === undefined) throw new CommandError(host.name, result);
    throw new WriteError(host.name, failed[0], failed[1], reason.replace(/^tee: /, '').replace(`${failed[0]}: `, ''));
  }
};

/** Downloads files in one round trip, where the host has a way to; what each of them has, in order. */
export const downloadFiles = async (
  host: Host,
  files: readonly (readonly [remotePath: string, localPath: string])[],
  options: FileOptions = {},
): Promise<readonly Fetched[]> => {
  if (host.downloadMany !== undefined) return host.downloadMany(files, options);
  const fetched: Fetched[] = [];
  for (const [remotePath, localPath] of files) fetched.push(await host.download(remotePath, localPath, options));
  return fetched;
};
