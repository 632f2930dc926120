import type { Metric } from '../../../lib/plugin.js';
import { nonsense, threadHistogram } from '../thread-histogram.js';
import type { TimerlatOptions } from './options.js';

/** By the columns' names, in the order in which the scenario declares them. */
const kinds: Readonly<Record<string, string>> = { Thr: 'thread', IRQ: 'irq', Usr: 'user' };
const who = 'rtla timerlat';

export interface TimerlatResult {
  readonly metrics: readonly Metric[];
  readonly breach?: string;
}

const wholeNumbers = (cells: readonly string[], columns: number, row: string): readonly number[] => {
  // An empty column has `-` for its min, avg and max.
  if (cells.length !== columns || !cells.every((cell) => /^(\d{1,15}|-)$/.test(cell)))
    throw nonsense(who, `row '${row}' of its table has not ${String(columns)} numbers`);
  return cells.map(Number);
};

/** Rows of the table by their name; the sum over all CPUs that newer versions append is left out. */
const readTable = (
  lines: readonly string[],
): { readonly header: readonly string[]; readonly rows: ReadonlyMap<string, readonly number[]> } => {
  const start = lines.findIndex((line) => line.startsWith('Index'));
  if (start < 0) throw nonsense(who, 'no histogram in its output');
  const header = (lines[start] ?? '').trim().split(/\s+/).slice(1);
  const rows = new Map<string, readonly number[]>();
  for (const line of lines.slice(start + 1)) {
    const [row, ...cells] = line.trim().split(/\s+/);
    if (row === undefined || !/^(\d{1,12}|over:|count:|min:|avg:|max:)$/.test(row)) break;
    if (rows.has(row)) throw nonsense(who, `row '${row}' is there twice`);
    rows.set(row, wholeNumbers(cells, header.length, row));
    if (row === 'max:') break;
  }
  return { header, rows };
};

/**
 * Reads the table of `rtla timerlat hist`, the only thing it writes. A bin of `bucket` values is named by the first; it counts as
 * its last. What is beyond the bins is in the row `over:`.
 */
export const parseTimerlat = (stdout: string, options: TimerlatOptions): TimerlatResult => {
  const lines = stdout.split('\n');
  const unit = options.nanoseconds ? 1 : 1000;
  if (!lines.includes(`# Time unit is ${options.nanoseconds ? 'nanoseconds (ns)' : 'microseconds (us)'}`))
    throw nonsense(who, `its table is not in ${options.nanoseconds ? 'ns' : 'us'}, which was asked for`);
  const { header, rows } = readTable(lines);
  const row = (name: string): readonly number[] => {
    const found = rows.get(name);
    if (found === undefined) throw nonsense(who, `no row '${name}' in its table: it was cut off`);
    return found;
  };
  const summary = { over: row('over:'), count: row('count:'), min: row('min:'), max: row('max:') };
  const bins = [...rows].filter(([name]) => /^\d+$/.test(name)).map(([name, cells]) => ({ from: Number(name), cells }));
  if (header.length === 0) throw nonsense(who, 'no CPU in its table');
  const beyond = options.bucket * options.entries;
  for (const { from } of bins)
    if (from % options.bucket !== 0 || from >= beyond)
      throw nonsense(who, `a bin ${String(from)}, which was not asked for`);

  const columns = header.map((column, index): Metric => {
    const match = /^(IRQ|Thr|Usr)-(\d{1,4})$/.exec(column);
    const name = kinds[match?.[1] ?? ''];
    if (match?.[2] === undefined || name === undefined) throw nonsense(who, `a column '${column}'`);
    const at = (cells: readonly number[]): number => cells[index] ?? NaN;
    const edges = bins.map(({ from, cells }) => [(from + options.bucket - 1) * unit, at(cells)] as const);
    const count = at(summary.count);
    const inBins = edges.reduce((sum, [, samples]) => sum + samples, 0);
    if (!(count === inBins + at(summary.over)))
      throw nonsense(
        `${who}: ${column}`,
        `${String(inBins)} samples in bins and ${String(at(summary.over))} over, but ${String(count)} in all`,
      );
    const histogram = threadHistogram({
      who: `${who}: ${column}`,
      resolution: unit,
      bins: new Map(edges),
      width: () => options.bucket * unit,
      count,
      min: at(summary.min) * unit,
      max: at(summary.max) * unit,
      overflowFrom: beyond * unit,
    });
    return { kind: 'histogram', name, unit: 'ns', labels: { cpu: String(Number(match[2])) }, histogram };
  });
  const metrics = Object.values(kinds).flatMap((kind) => columns.filter(({ name }) => name === kind));
  const stopped = lines.find((line) => line.includes('hit stop tracing'));
  const limits = [options.auto, options.stop_irq, options.stop_thread].filter((limit) => limit !== undefined);
  if (stopped === undefined || limits.length === 0) return { metrics };
  return {
    metrics,
    breach: `a latency was above a limit of the trial (${limits.map((limit) => `${String(limit / 1000)} us`).join(', ')})`,
  };
};
