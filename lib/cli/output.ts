import { codeOf, Kvm4nfvError, messageOf } from '../error.js';
import { printable, printableJson } from '../printable.js';
import { coloured, plain, type Paint } from '../report/paint.js';
import { exitCodeOfFault } from '../run/exit-code.js';

const wantsColour = (stream: NodeJS.WriteStream): boolean =>
  (process.env['NO_COLOR'] ?? '') === '' && (stream.isTTY || (process.env['FORCE_COLOR'] ?? '') !== '');

/** Stands for an escape character of our own. Nobody else knows it: no text from elsewhere has one that passes. */
const ours = `\u001B${crypto.randomUUID()}`;

const marked: Paint = (style, text) => {
  const [before = '', after = ''] = coloured(style, '\0').split('\0');
  return `${before.replaceAll('\u001B', ours)}${text}${after.replaceAll('\u001B', ours)}`;
};

/** Colours for {@link print} and {@link warn}, which let no others through. */
export const paintFor = (stream: NodeJS.WriteStream): Paint => (wantsColour(stream) ? marked : plain);

const colours = new RegExp(`${ours}(${String.raw`\[\d+m`})`);

/** The last gate before a stream: our own colours pass where it has colours, and no other escape anywhere. */
const shownOn = (stream: NodeJS.WriteStream, text: string): string => {
  const gate = (part: string): string => printable(part, { limit: Infinity });
  if (!wantsColour(stream)) return gate(text);
  return text
    .split(colours)
    .map((part, index) => (index % 2 === 1 ? `\u001B${part}` : gate(part)))
    .join('');
};

const write = (stream: NodeJS.WriteStream, text: string): void => {
  stream.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const print = (text: string): void => {
  write(process.stdout, shownOn(process.stdout, text));
};

export const warn = (text: string): void => {
  write(process.stderr, shownOn(process.stderr, text));
};

/** A document of several lines, or one line where `indent` is 0. */
export const printJson = (value: unknown, indent = 2): void => {
  write(process.stdout, printableJson(JSON.stringify(value, undefined, indent)));
};

/** A message with its code behind its first line. */
const withCode = (error: unknown): string => {
  const [first = '', ...more] = messageOf(error).split('\n');
  return [`${first} [${codeOf(error)}]`, ...more].join('\n');
};

/** Shows an error as `error: ... [code]` with its hint, and gives the exit code of its fault. */
export const fail = (error: unknown): number => {
  const paint = paintFor(process.stderr);
  const diagnostics =
    Kvm4nfvError.is(error) && 'diagnostics' in error && Array.isArray(error.diagnostics)
      ? error.diagnostics
      : undefined;
  if (diagnostics !== undefined) {
    const count = diagnostics.filter(({ severity }: { severity: string }) => severity === 'error').length;
    warn(
      `${messageOf(error)}\n\n${paint('red', 'error')}: ${String(count)} mistake${count === 1 ? '' : 's'}; nothing was touched`,
    );
  } else {
    warn(`${paint(['red', 'bold'], 'error')}: ${withCode(error)}`);
    if (Kvm4nfvError.is(error) && error.hint !== undefined) warn(`  ${paint('cyan', 'help')}: ${error.hint}`);
    if (!Kvm4nfvError.is(error))
      warn(`  ${paint('cyan', 'help')}: this is a fault in kvm4nfv; please report it with the command that you ran`);
  }
  return exitCodeOfFault[Kvm4nfvError.is(error) ? error.fault : 'internal'];
};
