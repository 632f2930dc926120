/** Thrown inside the parser only. */
export class Mistake extends Error {
  readonly offset: number;
  readonly hint: string | undefined;
  constructor(message: string, offset: number, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

export const shown = (text: string): string => (text === '' ? 'the end' : `'${text}'`);

export const didYouMean = (word: string | undefined): string | undefined =>
  word === undefined ? undefined : `did you mean '${word}'?`;

/** A place in an expression that moves on. */
export class Scanner {
  readonly #text: string;
  offset = 0;
  constructor(text: string) {
    this.#text = text;
  }
  get rest(): string {
    return this.#text.slice(this.offset);
  }
  skip(): void {
    this.take(/^\s+/);
  }
  take(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.rest)?.[0];
    this.offset += found?.length ?? 0;
    return found;
  }
  expect(pattern: RegExp, what: string, hint?: string): string {
    const found = this.take(pattern);
    if (found === undefined) throw new Mistake(`expected ${what}, not ${shown(this.rest)}`, this.offset, hint);
    return found;
  }
}
