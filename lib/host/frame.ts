import { Transform, type Readable, type TransformCallback } from 'node:stream';
import { Output } from './output.js';

/** Kept of what came before the command's own output. */
const keptBefore = 4096;

/**
 * A command's stream from where the command itself begins to speak: a login shell's files and sudo may say something before, on
 * either stream. Each mark is a word that stands there once and that nobody can say by accident; what comes before is kept
 * apart, mark by mark.
 */
export class Frame extends Transform {
  readonly #marks: Buffer[];
  readonly #before: Output[];
  #position = 0;
  #held: Buffer = Buffer.alloc(0);
  #begin: () => void = () => undefined;
  /** Resolves when all marks have come. */
  readonly begun: Promise<void>;

  constructor(marks: readonly string[]) {
    super();
    this.#marks = marks.map((mark) => Buffer.from(mark));
    this.#before = marks.map(() => new Output(keptBefore));
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
  }

  /** How many marks have come. */
  get passed(): number {
    return this.#position;
  }

  /** What stood before the mark of this number. */
  before(mark: number): string {
    return this.#before[mark]?.finish().text ?? '';
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const rest = this.#search(chunk);
    if (rest.length > 0) this.push(rest);
    done();
  }

  override _flush(done: TransformCallback): void {
    this.#before[this.#position]?.add(this.#held);
    done();
  }

  /** What of a chunk belongs to the command. */
  #search(chunk: Buffer): Buffer {
    let data = chunk;
    for (let mark = this.#marks[this.#position]; mark !== undefined; mark = this.#marks[this.#position]) {
      data = this.#held.length === 0 ? data : Buffer.concat([this.#held, data]);
      const at = data.indexOf(mark);
      const said = at < 0 ? Math.max(0, data.length - mark.length + 1) : at;
      this.#before[this.#position]?.add(data.subarray(0, said));
      this.#held = at < 0 ? data.subarray(said) : Buffer.alloc(0);
      if (at < 0) return Buffer.alloc(0);
      data = data.subarray(at + mark.length);
      this.#position += 1;
      if (this.#position === this.#marks.length) this.#begin();
    }
    return data;
  }
}

/** Sends a stream through a frame. A stream that breaks off ends it, since whoever reads learns elsewhere why. */
export const throughFrame = (source: Readable, frame: Frame): Frame => {
  source.once('close', () => frame.end()).once('error', () => frame.end());
  return source.pipe(frame);
};
