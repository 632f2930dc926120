/** Keeps the head and the tail of a stream, each up to half of `limit` bytes, and counts what it drops between. */
export class Output {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #dropped = 0;

  constructor(limit: number) {
    this.#half = Math.max(1, Math.floor(limit / 2));
  }

  add(chunk: Buffer): void {
    const room = this.#half - this.#headBytes;
    const head = chunk.subarray(0, room);
    if (head.length > 0) {
      this.#head.push(head);
      this.#headBytes += head.length;
    }
    if (chunk.length > room) this.#addTail(chunk.subarray(Math.max(0, room)));
  }

  #addTail(chunk: Buffer): void {
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    // Trimmed only when twice too long: joining for each chunk would be quadratic.
    if (this.#tailBytes > 2 * this.#half) this.#trim();
  }

  #trim(): void {
    const joined = Buffer.concat(this.#tail);
    const kept = joined.subarray(Math.max(0, joined.length - this.#half));
    this.#dropped += joined.length - kept.length;
    // A copy, so that the dropped bytes are freed.
    this.#tail = [Buffer.from(kept)];
    this.#tailBytes = kept.length;
  }

  /** The text, with a line in the place of what was dropped, and the number of bytes dropped. */
  finish(): { readonly text: string; readonly dropped: number } {
    if (this.#tailBytes > this.#half) this.#trim();
    if (this.#dropped === 0)
      return { text: Buffer.concat([...this.#head, ...this.#tail]).toString('utf8'), dropped: 0 };
    const gap = `\n[${String(this.#dropped)} bytes dropped]\n`;
    return {
      text: Buffer.concat(this.#head).toString('utf8') + gap + Buffer.concat(this.#tail).toString('utf8'),
      dropped: this.#dropped,
    };
  }
}
