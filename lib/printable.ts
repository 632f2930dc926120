/** What shows nothing, moves the cursor, turns the text around or is no character; emoji need their variation selectors. */
const unprintable =
  /(?![\n\t\uFE00-\uFE0F])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/gu;

/**
 * What a CI takes for an order in a log. GitHub reads `::name::` at the start of a line, blanks before it or not; `##[name]`,
 * `##vso[` of Azure and `##teamcity[` count wherever they stand.
 */
const orders = /^(?<blank>[^\S\n]*):(?=:[a-z][\w-]*(?: [^\n]*?)?::)|#(?=#(?:vso|teamcity)?\[)/gim;

const hexadecimal = (code: number, digits: number): string => code.toString(16).padStart(digits, '0');

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  if (character === '\r') return String.raw`\r`;
  if (code < 0x100) return String.raw`\x${hexadecimal(code, 2)}`;
  return code < 0x10000 ? String.raw`\u${hexadecimal(code, 4)}` : String.raw`\u{${hexadecimal(code, 5)}}`;
};

/** No message is longer: nobody reads more, and a log that is kept for years holds thousands of them. */
const defaultLimit = 16_384;

/** The head and the tail of a text that is longer than `limit` characters, with how much is left out between them. */
export const shortened = (text: string, limit = defaultLimit): string => {
  if (text.length <= limit) return text;
  const half = Math.floor(limit / 2);
  // Half of a pair would be shown as a wrong character.
  const head = text.slice(0, half).replace(/[\uD800-\uDBFF]$/, '');
  const tail = text.slice(-half).replace(/^[\uDC00-\uDFFF]/, '');
  return `${head} [... ${String(text.length - head.length - tail.length)} characters left out ...] ${tail}`;
};

export interface PrintableOptions {
  /** Keep line ends, where a text of several lines is meant. Default: true. */
  readonly lines?: boolean;
  /** Characters beyond which the middle is left out. Default: 16384. */
  readonly limit?: number;
}

/**
 * The gate for text from elsewhere: hosts, guests, tools, file names, packages, suites. Control and escape characters, such as
 * turn text around or show nothing, and lone surrogates are shown as `\x1b` or `\u202e`, so that none acts on a terminal; what
 * a CI would take for an order has its first character shown so. A tab stays a tab, `\r\n` is a line end.
 */
export const printable = (text: string, { lines = true, limit = defaultLimit }: PrintableOptions = {}): string => {
  const whole = shortened(text, limit)
    .replaceAll('\r\n', '\n')
    .replace(unprintable, escaped)
    .replace(orders, (_, blank: string | undefined) =>
      blank === undefined ? String.raw`\x23` : String.raw`${blank}\x3a`,
    );
  return lines ? whole : whole.replaceAll('\n', String.raw`\n`).replaceAll('\t', ' ');
};

/** The same for every text in plain data, keys too; nothing is left out, as some of it may be encoded. */
export const printableData = <T>(data: T): T => {
  const walk = (value: unknown): unknown => {
    if (typeof value === 'string') return printable(value, { limit: Infinity });
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [printable(key, { limit: Infinity }), walk(item)]),
    );
  };
  return walk(data) as T;
};

const inJson = (character: string): string =>
  Array.from(
    { length: character.length },
    (_, index) => String.raw`\u${hexadecimal(character.charCodeAt(index), 4)}`,
  ).join('');

/** Most JSON of ours is so, histograms above all, and known as such in a tenth of the time. */
const plainJson = /^[\n\x20-\x7E]*$/;

/** JSON with the same care, which changes nothing of what it says: such characters are written as `\u001b`. */
export const printableJson = (json: string): string =>
  (plainJson.test(json) ? json : json.replace(unprintable, inJson)).replace(
    /#(?=#(?:vso|teamcity)?\[)/gi,
    String.raw`\u0023`,
  );
