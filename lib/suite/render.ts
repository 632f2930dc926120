import type { Diagnostic } from './diagnostic.js';
import { blanks, characters, printable } from './display.js';

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

const place = (diagnostic: Diagnostic, lines: readonly string[] | undefined): string[] => {
  const source = lines?.[diagnostic.line - 1];
  const { expected } = diagnostic;
  if (diagnostic.line === 0 || source === undefined)
    return expected === undefined ? [] : [`  = expected ${printable(expected)}`];
  const { text, column } = excerpt(characters(printable(source)), diagnostic.column - 1);
  const number = String(diagnostic.line);
  const meant = text.slice(column, column + diagnostic.length).join('');
  const carets = '^'.repeat(Math.max(1, blanks(meant).length));
  const label = expected === undefined ? '' : ` expected ${printable(expected)}`;
  return [
    ` ${number} | ${text.join('')}`,
    ` ${' '.repeat(number.length)} | ${blanks(text.slice(0, column).join(''))}${carets}${label}`,
  ];
};

const render = (diagnostic: Diagnostic, lines: readonly string[] | undefined): string => {
  const { file, line, column, severity, message, hint, note } = diagnostic;
  const where = line === 0 ? file : `${file}:${String(line)}:${String(column)}`;
  return [
    `${printable(where)}: ${severity}: ${printable(message)}`,
    ...place(diagnostic, lines),
    ...(hint === undefined ? [] : [`  = ${printable(hint)}`]),
    ...(note === undefined ? [] : [`  = ${printable(note)}`]),
  ].join('\n');
};

/** Each diagnostic as `file:line:column: error: message`, the line, a caret below the place, what was expected, and a hint. */
export const renderDiagnostics = (diagnostics: readonly Diagnostic[], sources: Sources): string => {
  const split = new Map<string, readonly string[]>();
  for (const [file, text] of sources) split.set(file, text.split(/\r\n|[\r\n]/));
  return diagnostics.map((diagnostic) => render(diagnostic, split.get(diagnostic.file))).join('\n\n');
};
