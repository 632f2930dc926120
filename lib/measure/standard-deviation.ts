import type { Histogram } from './histogram.js';

/** Of all samples of the histograms (n - 1 below the line); undefined with less than two of them, or where not each one's value is known. */
export const standardDeviation = (parts: readonly Histogram[]): number | undefined => {
  if (!parts.every(({ isExact }) => isExact)) return undefined;
  let [count, sum, squares] = [0n, 0n, 0n];
  const add = (value: number, times: number): void => {
    const [exact, often] = [BigInt(value), BigInt(times)];
    count += often;
    sum += exact * often;
    squares += exact * exact * often;
  };
  for (const part of parts) {
    for (const bin of part.bins()) add(bin.to, bin.count);
    for (const { max, count: times } of part.overflow) add(max, times);
  }
  if (count < 2n) return undefined;
  return Math.sqrt(Number(count * squares - sum * sum) / Number(count * (count - 1n)));
};
