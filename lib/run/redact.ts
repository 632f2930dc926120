/** What stands in the place of a secret. */
const redacted = '[redacted]';

/**
 * Shorter values, such as `0`, `ns` or `me`, stand in texts for other reasons: taking them out would garble these and hide
 * nothing. They are taken out where they are the whole of a value.
 */
const leastPart = 4;
const leastLine = 8;

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`);

/** As a secret may stand in a text: as it is, inside JSON, between a shell's quotes, or one line of it. */
const forms = (secret: string): string[] => {
  const lines = secret.split(/[\r\n]+/);
  return [
    secret,
    secret.trim(),
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll("'", String.raw`'\''`),
    ...(lines.length > 1 ? lines.map((line) => line.trim()).filter(({ length }) => length >= leastLine) : []),
  ].filter(({ length }) => length >= leastPart);
};

const isNumber = (text: string): boolean => /^[0-9]+$/.test(text);

/** A number is taken out where it stands for itself, and not out of the middle of another. */
const pattern = (form: string): string => (isNumber(form) ? String.raw`(?<![\d.])${form}(?![\d.]*\d)` : escaped(form));

/** The longest first: one may hold another. In one go: what was put in is not looked at again. */
const anyOf = (all: readonly string[]): RegExp | undefined => {
  const longest = [...new Set(all)].sort((a, b) => b.length - a.length);
  return longest.length === 0 ? undefined : new RegExp(longest.map(pattern).join('|'), 'g');
};

/** As bytes of UTF-8, one a character. */
const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

export class Redactor {
  readonly #whole: ReadonlySet<string>;
  readonly #part: RegExp | undefined;
  readonly #words: RegExp | undefined;
  readonly #bytes: RegExp | undefined;
  readonly #kept: string | undefined;
  readonly #instead: string;
  /** Bytes of the longest form of a secret that is no number; 0: there is nothing to take out of files. */
  readonly reach: number;

  /** `kept` is a name of ours that is never touched, though it may hold a secret by chance; `instead` stands for a secret. */
  constructor(secrets: readonly string[], options: { readonly kept?: string; readonly instead?: string } = {}) {
    const all = secrets.flatMap(forms);
    const words = all.filter((form) => !isNumber(form));
    this.#whole = new Set(secrets.filter((secret) => secret !== ''));
    this.#part = anyOf(all);
    this.#words = anyOf(words);
    this.#bytes = anyOf(words.map(bytesOf));
    this.#kept = options.kept;
    this.#instead = options.instead ?? redacted;
    this.reach = Math.max(0, ...words.map((form) => bytesOf(form).length));
  }

  /** A free text. */
  text(value: string): string {
    if (this.#whole.has(value)) return this.#instead;
    const part = this.#part;
    if (part === undefined) return value;
    const parts = this.#kept === undefined ? [value] : value.split(this.#kept);
    return parts.map((said) => said.replace(part, () => this.#instead)).join(this.#kept);
  }

  /** What tells things of a kind apart, as the label of a metric: a number there is one, whatever it is a secret of. */
  label(value: string): string {
    return this.#words === undefined ? value : value.replace(this.#words, () => this.#instead);
  }

  /** Bytes of a file, one a character. */
  bytes(value: string): string {
    return this.#bytes === undefined ? value : value.replace(this.#bytes, () => this.#instead);
  }

  /** How many of these bytes can be looked at before those that follow are known. */
  safeEnd(value: string): number {
    const end = Math.max(0, value.length - this.reach + 1);
    if (this.#bytes === undefined) return end;
    for (const { index, 0: found } of value.matchAll(this.#bytes))
      if (index < end && index + found.length > end) return index + found.length;
    return end;
  }
}

/** Takes secrets out of texts: those of a character or two only where they are all of it. */
export const redactor = (secrets: readonly string[]): ((text: string) => string) => {
  const hidden = new Redactor(secrets);
  return (text) => hidden.text(text);
};
