import { open, type FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';

/** Prints the sizes of the files `$@`, a line each, an empty line, and then their bytes. */
export const joinScript = String.raw`
export LC_ALL=C
for path do
  size=$(wc -c <"$path") || exit 1
  printf '%s\n' "$size"
  sizes="$sizes $size"
done
echo
for size in $sizes; do
  head -c "$size" -- "$1" || exit 1
  shift
done
`;

/** Takes what {@link joinScript} prints and writes the bytes to files of this machine. */
export class SplitFiles extends Writable {
  readonly #paths: readonly string[];
  #header = Buffer.alloc(0);
  #left: number[] | undefined;
  #index = 0;
  #file: FileHandle | undefined;

  constructor(paths: readonly string[]) {
    super();
    this.#paths = paths;
  }

  /** Whether every byte of every file came. */
  get complete(): boolean {
    return this.#left !== undefined && this.#index === this.#paths.length;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#take(chunk).then(() => {
      done();
    }, done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const closing = this.#file?.close() ?? Promise.resolve();
    closing.then(() => {
      done(error);
    }, done);
  }

  async #take(chunk: Buffer): Promise<void> {
    if (this.#left !== undefined) return this.#fill(chunk);
    this.#header = Buffer.concat([this.#header, chunk]);
    const end = this.#header.indexOf('\n\n');
    if (end === -1) return;
    this.#left = this.#header.subarray(0, end).toString('latin1').split('\n').map(Number);
    await this.#fill(this.#header.subarray(end + 2));
  }

  async #fill(bytes: Buffer): Promise<void> {
    const left = this.#left ?? [];
    let rest = bytes;
    for (let path = this.#paths[this.#index]; path !== undefined; path = this.#paths[this.#index]) {
      this.#file ??= await open(path, 'w');
      const wanted = left[this.#index] ?? 0;
      const mine = rest.subarray(0, wanted);
      await this.#file.writeFile(mine);
      rest = rest.subarray(mine.length);
      left[this.#index] = wanted - mine.length;
      if (mine.length < wanted) return;
      await this.#file.close();
      this.#file = undefined;
      this.#index += 1;
    }
  }
}
