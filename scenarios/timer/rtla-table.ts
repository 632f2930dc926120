import { nonsense } from './thread-histogram.js';

/** The table of `rtla timerlat hist` and `rtla osnoise hist`, as far as both are alike. Cells are in the tool's unit; NaN for `-`. */
export interface RtlaTable {
  readonly who: string;
  readonly header: readonly string[];
  readonly bins: readonly { readonly from: number; readonly cells: readonly number[] }[];
  readonly summary: { readonly over: readonly number[] } & Summary;
  /** Over all CPUs; newer versions of timerlat print it. */
  readonly all: ({ readonly columns: readonly string[] } & Partial<Summary>) | undefined;
}

interface Summary {
  readonly count: readonly number[];
  readonly min: readonly number[];
  readonly avg: readonly number[];
  readonly max: readonly number[];
}

const rowNames = /^(\d{1,12}|over:|count:|min:|avg:|max:)$/;

/** All bits of 64. */
const initialMin = '18446744073709551615';

const cellsOf = (line: string): readonly string[] => line.trim().split(/\s+/);

const numbersOf = (who: string, cells: readonly string[], columns: number, row: string): readonly number[] => {
  // An empty column has `-` for its min, avg and max, up to 6.9 what min began with; osnoise gives avg two decimals.
  const known = cells.map((cell) => (row === 'min:' && cell === initialMin ? '-' : cell));
  if (cells.length !== columns || !known.every((cell) => /^(\d{1,15}(\.\d{1,2})?|-)$/.test(cell)))
    throw nonsense(who, `row '${row}' of its table has not ${String(columns)} numbers`);
  return known.map(Number);
};

const rowsOf = (who: string, lines: readonly string[], columns: number): ReadonlyMap<string, readonly number[]> => {
  const rows = new Map<string, readonly number[]>();
  for (const line of lines) {
    const [row = '', ...cells] = cellsOf(line);
    if (!rowNames.test(row)) break;
    if (rows.has(row)) throw nonsense(who, `row '${row}' is there twice`);
    rows.set(row, numbersOf(who, cells, columns, row));
    if (row === 'max:') break;
  }
  return rows;
};

const allOf = (who: string, lines: readonly string[]): RtlaTable['all'] => {
  const start = lines.findIndex((line) => line.startsWith('ALL:'));
  if (start < 0) return undefined;
  const columns = cellsOf(lines[start] ?? '').slice(1);
  const rows = rowsOf(who, lines.slice(start + 1), columns.length);
  const found = (['count', 'min', 'avg', 'max'] as const).flatMap((name) => {
    const row = rows.get(`${name}:`);
    return row === undefined ? [] : [[name, row] as const];
  });
  return { columns, ...Object.fromEntries(found) };
};

/** Reads the table; `bucket` and `entries` as they were asked for. Fault `tool` where something is missing or was not asked for. */
export const readRtlaTable = (
  who: string,
  stdout: string,
  asked: { readonly nanoseconds: boolean; readonly bucket: number; readonly entries: number },
): RtlaTable => {
  const lines = stdout.split('\n');
  const unit = asked.nanoseconds ? 'nanoseconds (ns)' : 'microseconds (us)';
  if (!lines.includes(`# Time unit is ${unit}`))
    throw nonsense(who, `its table is not in ${asked.nanoseconds ? 'ns' : 'us'}, which was asked for`);
  const start = lines.findIndex((line) => line.startsWith('Index'));
  if (start < 0) throw nonsense(who, 'no histogram in its output');
  const header = cellsOf(lines[start] ?? '').slice(1);
  if (header.length === 0) throw nonsense(who, 'no CPU in its table');
  const rows = rowsOf(who, lines.slice(start + 1), header.length);
  const row = (name: string): readonly number[] => {
    const found = rows.get(name);
    if (found === undefined) throw nonsense(who, `no row '${name}' in its table: it was cut off`);
    return found;
  };
  const summary = { over: row('over:'), count: row('count:'), min: row('min:'), avg: row('avg:'), max: row('max:') };
  const bins = [...rows].filter(([name]) => /^\d+$/.test(name)).map(([name, cells]) => ({ from: Number(name), cells }));
  for (const { from } of bins)
    if (from % asked.bucket !== 0 || from >= asked.bucket * asked.entries)
      throw nonsense(who, `a bin ${String(from)}, which was not asked for`);
  return { who, header, bins, summary, all: allOf(who, lines) };
};
