import { Kvm4nfvError } from '../error.js';

/** Words that no shell touches; `=` only behind a dash, since `a=b` may be an assignment. */
const plain = /^(?:-[A-Za-z0-9_@%+:,./=-]*|[A-Za-z0-9_@%+:,./-]+)$/;

/** One word of a POSIX shell that stands for exactly `text`. */
export const quote = (text: string): string => {
  if (text.includes('\0'))
    throw new Kvm4nfvError('E_NOT_A_COMMAND', `an argument must not hold a NUL byte: ${JSON.stringify(text)}`);
  return plain.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
};

/** A shell command line that runs exactly `argv`. Needed because SSH carries one string, which the login shell parses. */
export const quoteArgv = (argv: readonly string[]): string => argv.map(quote).join(' ');
