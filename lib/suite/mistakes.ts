import type { Diagnostic } from './diagnostic.js';
import { characters } from './display.js';
import { without } from './record.js';
import type { Finding } from './findings.js';
import type { Source } from './source.js';
import { locate, locateWithin, valueAt, type Path, type Span, type Tree } from './tree.js';
import { SuiteError } from './suite-error.js';

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

const lineStarts = new WeakMap<Source, readonly number[]>();

const startsOf = (source: Source): readonly number[] => {
  let starts = lineStarts.get(source);
  if (starts === undefined) {
    starts = [0, ...Array.from(source.text.matchAll(/\r\n|[\r\n]/g), ({ index, 0: { length } }) => index + length)];
    lineStarts.set(source, starts);
  }
  return starts;
};

const lineOf = (source: Source, { start, end }: Span): Pick<Diagnostic, 'line' | 'column' | 'length'> => {
  const starts = startsOf(source);
  let [low, high] = [0, starts.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= start) low = middle;
    else high = middle;
  }
  const meant = source.text.slice(start, end).split(/[\r\n]/)[0] ?? '';
  const before = source.text.slice(starts[low] ?? 0, start);
  return { line: low + 1, column: characters(before).length + 1, length: Math.max(1, characters(meant).length) };
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
  { code, message, expected, hint }: Omit<Finding, 'path'>,
  note?: string,
): Pick<Diagnostic, 'code' | 'message' | 'expected' | 'hint' | 'note'> => ({
  code,
  message,
  ...(expected === undefined ? {} : { expected }),
  ...(hint === undefined ? {} : { hint }),
  ...(note === undefined ? {} : { note }),
});

/** Mistakes beyond which the rest is only counted. */
const maxDiagnostics = 200;

/** All that is wrong with a suite, in the order of its files and lines. */
export class Mistakes {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #sources = new Map<string, string>();
  readonly #seen = new Set<string>();
  #more = 0;

  #push(diagnostic: Diagnostic, source?: Source): void {
    // The same mistake in `defaults` shows up through each test that uses them.
    const key = JSON.stringify(without({ ...diagnostic }, 'note'));
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (source !== undefined) this.#sources.set(source.file, source.text);
    this.#diagnostics.push(diagnostic);
  }

  /** Whether another one is only counted. */
  get #full(): boolean {
    if (this.#diagnostics.length < maxDiagnostics) return false;
    this.#more++;
    return true;
  }

  add(located: Located, options: { readonly note?: string; readonly severity?: Diagnostic['severity'] } = {}): void {
    if (this.#full) return;
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
    if (this.#full) return;
    this.#push({ file: source.file, ...lineOf(source, span), severity: 'error', ...explanation(what) }, source);
  }

  /** About a whole file, or about what was said on the command line. */
  addWhole(file: string, what: Omit<Finding, 'path'>): void {
    if (this.#full) return;
    this.#push({ file, line: 0, column: 0, length: 1, severity: 'error', ...explanation(what) });
  }

  get count(): number {
    return this.#diagnostics.length + this.#more;
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
    const last = sorted.at(-1);
    if (this.#more === 0 || last === undefined) return sorted;
    const message = `and ${String(this.#more)} more mistakes`;
    return [...sorted, { file: last.file, line: 0, column: 0, length: 1, severity: 'error', code: 'E_SUITE', message }];
  }

  throwIfFailed(): void {
    if (this.failed) throw new SuiteError(this.all(), this.#sources);
  }
}
