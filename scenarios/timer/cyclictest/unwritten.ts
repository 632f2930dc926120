import { Histogram } from '../../../lib/plugin.js';
import { nonsense } from '../thread-histogram.js';

/** Samples in the bins that end below `limit`, by their greatest value. */
const binsBelow = (
  histogram: Histogram,
  limit: number,
): Map<number, { readonly count: number; readonly width: number }> => {
  const below = new Map<number, { readonly count: number; readonly width: number }>();
  for (const { from, to, count } of histogram.bins()) {
    if (to >= limit) break;
    below.set(to, { count, width: to - from });
  }
  return below;
};

/** Where the first bin begins that may hold `limit`. */
const startOfRest = (histogram: Histogram, limit: number): number => {
  for (const { from, to } of histogram.bins()) if (to >= limit) return Math.min(from, limit);
  return limit;
};

export interface Counted {
  /** `cyclictest: thread 0`: begins the message of an error. */
  readonly who: string;
  /** What the tool says in the end: below `limit` in bins, the rest as overflow. */
  readonly tool: Histogram;
  /** From the samples that it wrote. */
  readonly written: Histogram;
  readonly limit: number;
}

const differ = (who: string, what: string): Error =>
  nonsense(who, `the samples that it wrote are not those that it counted: ${what}`);

const extremesOf = ({ min, max }: Histogram): string => `${String(min)} to ${String(max)} ns`;

const requireWithin = ({ who, tool, written }: Counted): void => {
  if (written.count > tool.count) throw differ(who, `${String(written.count)} of ${String(tool.count)}`);
  if (written.min === undefined || written.max === undefined) return;
  const { min = Infinity, max = -Infinity } = tool;
  const fits =
    written.count === tool.count
      ? written.min === min && written.max === max
      : written.min >= min && written.max <= max;
  if (!fits) throw differ(who, `${extremesOf(written)}, and ${extremesOf(tool)}`);
};

/** What is left of the tool's bins; `inexact`: by how much the sum of it may be wrong. */
const restOfBins = ({ who, tool, written, limit }: Counted): { readonly rest: Histogram; readonly inexact: number } => {
  const rest = new Histogram({ resolution: tool.resolution });
  const seen = binsBelow(written, limit);
  let inexact = 0;
  for (const [edge, { count, width }] of binsBelow(tool, limit)) {
    const missing = count - (seen.get(edge)?.count ?? 0);
    if (missing < 0) throw differ(who, `${String(-missing)} more of ${String(edge)} ns`);
    inexact += missing * width;
    rest.record(Math.min(edge, tool.max ?? edge), missing);
    seen.delete(edge);
  }
  for (const [edge, { count }] of seen) throw differ(who, `${String(count)} more of ${String(edge)} ns`);
  return { rest, inexact };
};

/**
 * The samples that cyclictest counted and did not write: its main thread writes every 10 ms, and not once more at the end. Their values
 * are known from the tool's bins; of those that are beyond these, how many. Fault `tool` where what was written is not among what was counted.
 */
export const unwritten = (counted: Counted): Histogram => {
  const { who, tool, written, limit } = counted;
  requireWithin(counted);
  const { rest, inexact } = restOfBins(counted);
  const beyond = tool.count - written.count - rest.count;
  if (beyond < 0) throw differ(who, `${String(-beyond)} more of ${String(limit)} ns and above`);

  const max = tool.max ?? 0;
  const above = startOfRest(tool, limit);
  const sum = tool.sum - written.sum - rest.sum;
  const [least, most] = [beyond * above, beyond * max];
  // The tool's mean has two digits after the point.
  const slack = inexact + 0.01 * tool.resolution * tool.count;
  if (sum < least - slack || sum > most + slack) throw differ(who, 'their sums differ');
  // The only one, and greater than all the others: it is the max.
  if (beyond === 1 && (written.max ?? 0) < max) rest.record(max);
  else rest.addOverflow(beyond, { above, max, sum: Math.min(most, Math.max(least, Math.round(sum))) });
  return rest;
};
