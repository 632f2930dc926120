import type { Histogram } from '../measure/histogram.js';
import { formatCount, formatNumber } from './format.js';

const eighths = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const;

const bar = (part: number, width: number): string => {
  const units = Math.max(1, Math.round(part * width * 8));
  return '█'.repeat(Math.floor(units / 8)) + (eighths[units % 8] ?? '');
};

/** 0, 1, 2, 5, 10, 20, 50, ... from the greatest not above `min` to the least above `max`. */
const edges = (min: number, max: number): number[] => {
  const decades = Array.from({ length: 51 }, (_, index) => ([1, 2, 5][index % 3] ?? 1) * 10 ** Math.floor(index / 3));
  const all = [0, ...decades];
  const first = all.findLastIndex((edge) => edge <= min);
  const last = all.findIndex((edge) => edge > max);
  return all.slice(Math.max(first, 0), last + 1);
};

/** A histogram in block characters: a row for each 1-2-5 step, bars logarithmic in the count so that a single outlier is seen. */
export const renderBars = (histogram: Histogram, width = 40, unit = 'ns'): string => {
  const { minBounds, max } = histogram;
  if (minBounds === undefined || max === undefined) return '';
  const label = (value: number): string => formatNumber(value, unit).padStart(6);
  // Of samples beyond the tool's bins only that is known: they must not look as if they had been measured.
  const beyond = new Map<number, number>();
  for (const { above, count } of histogram.overflow) beyond.set(above, (beyond.get(above) ?? 0) + count);
  const bins = [...histogram.bins()];
  const steps = edges(Math.min(minBounds.low, bins[0]?.to ?? Infinity), bins.at(-1)?.to ?? max);
  const inBins = steps.slice(0, -1).map((from, index) => {
    const to = steps[index + 1] ?? Infinity;
    const count = bins.reduce((sum, bin) => (bin.to >= from && bin.to < to ? sum + bin.count : sum), 0);
    return { range: `${label(from)} ..${label(to)}`, count };
  });
  const rows = [
    ...(bins.length === 0 ? [] : inBins),
    ...[...beyond].map(([above, count]) => ({ range: `> ${formatNumber(above, unit)}`.padStart(15), count })),
  ];
  const ranges = Math.max(...rows.map(({ range }) => range.length));
  const most = Math.log10(Math.max(...rows.map(({ count }) => count)) + 1);
  return rows
    .map(({ range, count }) => {
      const drawn = count === 0 ? '' : bar(Math.log10(count + 1) / most, width);
      return `${range.padStart(ranges)}  ${drawn.padEnd(width)}  ${formatCount(count)}`;
    })
    .join('\n');
};
