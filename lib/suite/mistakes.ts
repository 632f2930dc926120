import { SuiteError, type Diagnostic } from './diagnostic.js';
import type { Finding } from './findings.js';
import type { Source } from './source.js';
import { locate, locateWithin, valueAt, type Path, type Span, type Tree } from './tree.js';

/** A place of a suite: a path in one of its files. */
export interface Site {
  readonly tree: Tree;
  readonly path: Path;
}

/** A mistake at a site; the finding's path goes on from there. */
export interface Located {
  readonly site: Site;
  readonly finding: Finding;
}

export const below = (site: Site, ...path: Path): Site => ({ tree: site.tree, path: [...site.path, ...path] });

export const rawAt = ({ tree, path }: Site): unknown => valueAt(tree.value, path);

const lineOf = ({ text }: Source, { start, end }: Span): Pick<Diagnostic, 'line' | 'column' | 'length'> => {
  const before = text.slice(0, start);
  const lineStart = Math.max(before.lastIndexOf('\n'), before.lastIndexOf('\r')) + 1;
  const line = before.split(/\r\n|[\r\n]/).length;
  const meant = text.slice(start, end).split(/[\r\n]/)[0] ?? '';
  return { line, column: [...text.slice(lineStart, start)].length + 1, length: Math.max(1, [...meant].length) };
};

const spanOf = ({ site, finding }: Located): Span => {
  const path = [...site.path, ...finding.path];
  const raw = rawAt({ tree: site.tree, path });
  const within =
    finding.offset !== undefined && typeof raw === 'string'
      ? locateWithin(site.tree, path, raw, finding.offset)
      : undefined;
  return within ?? locate(site.tree, path, finding.at ?? 'value');
};

/** `file:line:column` of a site's key. */
export const placeName = (site: Site): string => {
  const { line, column } = lineOf(site.tree.source, locate(site.tree, site.path, 'key'));
  return `${site.tree.source.file}:${String(line)}:${String(column)}`;
};

const explanation = (
  { message, expected, hint }: Omit<Finding, 'path'>,
  note?: string,
): Pick<Diagnostic, 'message' | 'expected' | 'hint' | 'note'> => ({
  message,
  ...(expected === undefined ? {} : { expected }),
  ...(hint === undefined ? {} : { hint }),
  ...(note === undefined ? {} : { note }),
});

/** Mistakes of one kind in one file beyond which the rest is only counted. */
const maxDiagnostics = 200;

/** All that is wrong with a suite, in the order of its files and lines. */
export class Mistakes {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #sources = new Map<string, string>();
  readonly #seen = new Set<string>();

  #push(diagnostic: Diagnostic, source?: Source): void {
    // The same mistake in `defaults` shows up through each test that uses them.
    const { note: _note, ...mistake } = diagnostic;
    const key = JSON.stringify(mistake);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (source !== undefined) this.#sources.set(source.file, source.text);
    this.#diagnostics.push(diagnostic);
  }

  add(located: Located, options: { readonly note?: string; readonly severity?: Diagnostic['severity'] } = {}): void {
    const { source } = located.site.tree;
    this.#push(
      {
        file: source.file,
        ...lineOf(source, spanOf(located)),
        severity: options.severity ?? 'error',
        ...explanation(located.finding, options.note),
      },
      source,
    );
  }

  addSpan(source: Source, span: Span, what: Omit<Finding, 'path'>): void {
    this.#push({ file: source.file, ...lineOf(source, span), severity: 'error', ...explanation(what) }, source);
  }

  /** About a whole file, or about what was said on the command line. */
  addWhole(file: string, what: Omit<Finding, 'path'>): void {
    this.#push({ file, line: 0, column: 0, length: 1, severity: 'error', ...explanation(what) });
  }

  get count(): number {
    return this.#diagnostics.length;
  }

  get failed(): boolean {
    return this.#diagnostics.some(({ severity }) => severity === 'error');
  }

  /** Sorted by place within each file; files in the order in which they were first found wrong. */
  all(): readonly Diagnostic[] {
    const files = [...new Set(this.#diagnostics.map(({ file }) => file))];
    const sorted = [...this.#diagnostics].sort(
      (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.column - b.column,
    );
    const more = sorted.length - maxDiagnostics;
    const last = sorted[maxDiagnostics];
    return last === undefined
      ? sorted
      : [
          ...sorted.slice(0, maxDiagnostics),
          {
            file: last.file,
            line: 0,
            column: 0,
            length: 1,
            severity: 'error',
            message: `and ${String(more)} more mistakes`,
          },
        ];
  }

  throwIfFailed(): void {
    if (this.failed) throw new SuiteError(this.all(), this.#sources);
  }
}
