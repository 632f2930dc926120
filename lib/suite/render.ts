import { printable } from '../printable.js';
import type { Diagnostic } from './diagnostic.js';
import { blanks, characters } from './display.js';

/** Text of each file by the name that diagnostics use. */
export type Sources = ReadonlyMap<string, string>;

const before = 60;
const after = 100;

/** The part of a long line around a place, and where the place is in it. */
const excerpt = (
  line: readonly string[],
  column: number,
): { readonly text: readonly string[]; readonly column: number } => {
  const from = column > after ? column - before : 0;
  const head = from === 0 ? [] : ['…'];
  const tail = line.length > from + before + after ? ['…'] : [];
  return { text: [...head, ...line.slice(from, from + before + after), ...tail], column: column - from + head.length };
};

/** Each character by itself: an escape that is shown is longer than what it stands for. */
const shownEach = (characters: readonly string[]): string =>
  characters.map((character) => (character === '\t' ? character : printable(character, { lines: false }))).join('');

const said = (text: string): string => printable(text, { lines: false, limit: 2000 });

const place = (diagnostic: Diagnostic, lines: readonly string[] | undefined): string[] => {
  const source = lines?.[diagnostic.line - 1];
  const { expected } = diagnostic;
  if (diagnostic.line === 0 || source === undefined)
    return expected === undefined ? [] : [`  = expected ${said(expected)}`];
  const { text, column } = excerpt(characters(source), diagnostic.column - 1);
  const number = String(diagnostic.line);
  const meant = shownEach(text.slice(column, column + diagnostic.length));
  const carets = '^'.repeat(Math.max(1, blanks(meant).length));
  const label = expected === undefined ? '' : ` expected ${said(expected)}`;
  return [
    ` ${number} | ${shownEach(text)}`,
    ` ${' '.repeat(number.length)} | ${blanks(shownEach(text.slice(0, column)))}${carets}${label}`,
  ];
};

const render = (diagnostic: Diagnostic, lines: readonly string[] | undefined): string => {
  const { file, line, column, severity, code, message, hint, note } = diagnostic;
  const where = line === 0 ? file : `${file}:${String(line)}:${String(column)}`;
  return [
    `${said(where)}: ${severity}: ${said(message)} [${code}]`,
    ...place(diagnostic, lines),
    ...(hint === undefined ? [] : [`  = ${said(hint)}`]),
    ...(note === undefined ? [] : [`  = ${said(note)}`]),
  ].join('\n');
};

/** Each diagnostic as `file:line:column: error: message [code]`, the line, a caret below the place, what was expected, and a hint. */
export const renderDiagnostics = (diagnostics: readonly Diagnostic[], sources: Sources): string => {
  const split = new Map<string, readonly string[]>();
  for (const [file, text] of sources) split.set(file, text.split(/\r\n|[\r\n]/));
  return diagnostics.map((diagnostic) => render(diagnostic, split.get(diagnostic.file))).join('\n\n');
};
