import type { Histogram } from '../../lib/plugin.js';
import type { RtlaTable } from './rtla-table.js';
import { nonsense, threadHistogram } from './thread-histogram.js';

interface Asked {
  readonly bucket: number;
  readonly entries: number;
  /** Nanoseconds of the table's unit. */
  readonly unit: number;
}

/**
 * The tool's mean must be one of those that its bins allow: a sample in a bin is any of `bucket` values, one beyond the bins at most the
 * max. It is rounded down, to a whole number in most versions.
 */
const requireMean = (
  who: string,
  {
    least,
    most,
    count,
    avg,
  }: { readonly least: number; readonly most: number; readonly count: number; readonly avg: number },
): void => {
  if (count === 0) return;
  if (avg + 1 > least / count - 1e-9 && avg - 0.01 <= most / count) return;
  throw nonsense(who, `a mean of ${String(avg)} does not fit its histogram`);
};

/** The histogram of one column. A bin is named by its first value and counts as its last. */
export const columnHistogram = (table: RtlaTable, index: number, { bucket, entries, unit }: Asked): Histogram => {
  const { bins, summary } = table;
  const who = `${table.who}: ${table.header[index] ?? ''}`;
  const at = (cells: readonly number[]): number => cells[index] ?? NaN;
  const [count, over, max] = [at(summary.count), at(summary.over), at(summary.max)];
  const inBins = bins.reduce((sum, { cells }) => sum + at(cells), 0);
  if (!(count === inBins + over))
    throw nonsense(who, `${String(inBins)} samples in bins and ${String(over)} over, but ${String(count)} in all`);
  const beyond = bucket * entries;
  const least = bins.reduce((sum, { from, cells }) => sum + from * at(cells), 0);
  const binsMost = bins.reduce((sum, { from, cells }) => sum + Math.min(max, from + bucket - 1) * at(cells), 0);
  requireMean(who, { least, most: binsMost + over * max, count, avg: at(summary.avg) });
  return threadHistogram({
    who,
    resolution: unit,
    bins: new Map(bins.map(({ from, cells }) => [(from + bucket - 1) * unit, at(cells)])),
    width: () => bucket * unit,
    count,
    min: at(summary.min) * unit,
    max: max * unit,
    overflowFrom: beyond * unit,
  });
};

/** The sums over all CPUs must be those of the columns of the same kind. */
export const requireAll = (table: RtlaTable): void => {
  const { all, header, summary, who } = table;
  for (const [index, kind] of (all?.columns ?? []).entries()) {
    const own = [...header.keys()].filter((column) => header[column]?.startsWith(`${kind}-`) === true);
    const filled = own.filter((column) => (summary.count[column] ?? 0) > 0);
    const of = (cells: readonly number[]): readonly number[] => filled.map((column) => cells[column] ?? NaN);
    const [count, min, max] = [all?.count?.[index], all?.min?.[index], all?.max?.[index]];
    const total = own.reduce((sum, column) => sum + (summary.count[column] ?? NaN), 0);
    const fits =
      (count === undefined || count === total) &&
      (total === 0 ||
        ((min === undefined || min === Math.min(...of(summary.min))) &&
          (max === undefined || max === Math.max(...of(summary.max)))));
    if (!fits) throw nonsense(who, `what it says of all CPUs (${kind}) is not what it says of each`);
  }
};
