import { open, type FileHandle } from 'node:fs/promises';
import { Writable } from 'node:stream';
import { fileProblem, Kvm4nfvError } from '../error.js';

/** Where a file of a host goes. */
export interface Part {
  readonly remotePath: string;
  readonly localPath: string;
  /** Where it is until all have come. */
  readonly temporary: string;
}

/** What a host said of a file: its bytes there and how many of them are taken, or why it is not. */
export type Told = { readonly size: number; readonly taken: number } | { readonly reason: string };

/** Of what a host says of each file. */
const maxLine = 4096;

/** Stands where the middle of a file was left out. */
const gap = (bytes: number): string => `\n[${String(bytes)} bytes left out]\n`;

const nonsense = (what: string): Kvm4nfvError => new Kvm4nfvError('E_ANSWER', what);

const tell = (line: string, { limit, cut }: { readonly limit: number; readonly cut: boolean }): Told => {
  if (line.startsWith('-')) return { reason: line.slice(1) };
  if (!/^\d{1,15}$/.test(line)) throw nonsense(`the size of a file can't be ${JSON.stringify(line.slice(0, 80))}`);
  const size = Number(line);
  if (size <= limit) return { size, taken: size };
  if (!cut) throw nonsense(`${String(size)} bytes are to come, and no more than ${String(limit)} are taken`);
  return { size, taken: 2 * Math.floor(limit / 2) };
};

/** A stretch of bytes that go to one file. */
interface Stretch {
  readonly part: Part;
  left: number;
  /** What is written after it. */
  readonly then: string;
  /** The file is whole after it. */
  readonly last: boolean;
}

const stretchesOf = (parts: readonly Part[], told: readonly Told[]): Stretch[] =>
  parts.flatMap((part, index): Stretch[] => {
    const one = told[index];
    if (one === undefined || 'reason' in one) return [];
    const { size, taken } = one;
    if (size === taken) return [{ part, left: size, then: '', last: true }];
    const half = { part, left: taken / 2 };
    return [
      { ...half, then: gap(size - taken), last: false },
      { ...half, then: '', last: true },
    ];
  });

/** Takes what {@link joinScript} prints and writes the bytes to files of this machine, no more of them than were announced. */
export class SplitFiles extends Writable {
  readonly #parts: readonly Part[];
  readonly #limits: { readonly limit: number; readonly cut: boolean };
  #header = Buffer.alloc(0);
  #told: readonly Told[] | undefined;
  #stretches: Stretch[] = [];
  #file: FileHandle | undefined;

  constructor(parts: readonly Part[], limits: { readonly limit: number; readonly cut: boolean }) {
    super();
    this.#parts = parts;
    this.#limits = limits;
  }

  /** What the host said of each file, in order; empty where it did not get so far. */
  get told(): readonly Told[] {
    return this.#told ?? [];
  }

  /** Whether every byte that was announced came. */
  get complete(): boolean {
    return this.#told !== undefined && (this.#refused || this.#stretches.length === 0);
  }

  get #refused(): boolean {
    return this.told.some((one) => 'reason' in one);
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
    if (this.#told !== undefined) return this.#fill(chunk);
    this.#header = Buffer.concat([this.#header, chunk]);
    const lines = this.#header.toString('latin1', 0, maxLine * this.#parts.length).split('\n');
    if (lines.length <= this.#parts.length) {
      if (this.#header.length >= maxLine * this.#parts.length) throw nonsense('no sizes of files came');
      return;
    }
    const header = lines.slice(0, this.#parts.length);
    this.#told = header.map((line) => tell(line, this.#limits));
    this.#stretches = stretchesOf(this.#parts, this.#told);
    await this.#fill(this.#header.subarray(header.join('\n').length + 1));
  }

  async #fill(bytes: Buffer): Promise<void> {
    let rest = bytes;
    // Of refused files nothing follows.
    const stretches = this.#refused ? [] : this.#stretches;
    for (let [stretch] = stretches; stretch !== undefined; [stretch] = stretches) {
      const mine = rest.subarray(0, stretch.left);
      rest = rest.subarray(mine.length);
      stretch.left -= mine.length;
      await this.#write(stretch, mine);
      if (stretch.left > 0) return;
      stretches.shift();
    }
    if (rest.length > 0) throw nonsense('more bytes came than were announced');
  }

  async #write({ part, left, then, last }: Stretch, bytes: Buffer): Promise<void> {
    try {
      this.#file ??= await open(part.temporary, 'w');
      await this.#file.writeFile(bytes);
      if (left > 0) return;
      await this.#file.writeFile(then);
      if (!last) return;
      await this.#file.close();
      this.#file = undefined;
    } catch (error) {
      throw new Kvm4nfvError('E_LOCAL_FILE', `can't write ${part.localPath} of this machine: ${fileProblem(error)}`, {
        cause: error,
      });
    }
  }
}
