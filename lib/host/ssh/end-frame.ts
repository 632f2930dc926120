import { Transform, type TransformCallback } from 'node:stream';

/** `<mark><exit status>;` stands on standard error where a command has ended; it is taken out. */
export class EndFrame extends Transform {
  readonly #mark: Buffer;
  #held: Buffer = Buffer.alloc(0);
  #status: number | undefined;

  constructor(mark: string) {
    super();
    this.#mark = Buffer.from(mark);
  }

  /** Undefined where the command did not come to its end. */
  get status(): number | undefined {
    return this.#status;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const at = data.indexOf(this.#mark);
    const end = at < 0 ? -1 : data.indexOf(';', at);
    if (end >= 0) this.#status = Number(data.subarray(at + this.#mark.length, end).toString());
    const shown = at < 0 ? Math.max(0, data.length - this.#mark.length + 1) : at;
    const rest = end < 0 ? data.subarray(shown) : data.subarray(end + 1);
    if (shown > 0) this.push(data.subarray(0, shown));
    if (end >= 0 && rest.length > 0) this.push(rest);
    this.#held = end < 0 ? rest : Buffer.alloc(0);
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#held.length > 0) this.push(this.#held);
    done();
  }
}
