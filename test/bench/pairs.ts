import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Outcome } from './row.js';

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
};

/** Wall time of a whole command in milliseconds; its output goes nowhere, and it must end well. */
export const timeCommand = async (
  argv: readonly [string, ...string[]],
  okay: readonly number[] = [0],
): Promise<number> => {
  const [command, ...rest] = argv;
  const started = performance.now();
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const took = performance.now() - started;
  if (exitCode === null || !okay.includes(exitCode))
    throw new Error(`${argv.join(' ')}: exit ${String(exitCode)}: ${said.slice(-500)}`);
  return took;
};

/**
 * Runs both in turn, the first pair not counted, and gives both medians and the median of the ratios of each pair, in
 * which a drift of the machine's speed cancels out.
 */
export const inPairs = async (
  ours: () => Promise<number>,
  reference: () => Promise<number>,
  pairs: number,
): Promise<Outcome> => {
  const measured: { readonly ours: number; readonly reference: number }[] = [];
  for (let pair = 0; pair <= pairs; pair += 1) {
    // Each goes first every other time.
    const first = pair % 2 === 0 ? await ours() : undefined;
    const second = await reference();
    const pairOfTimes = { ours: first ?? (await ours()), reference: second };
    if (pair > 0) measured.push(pairOfTimes);
  }
  return {
    ours: median(measured.map((pair) => pair.ours)),
    reference: median(measured.map((pair) => pair.reference)),
    ratio: median(measured.map((pair) => pair.ours / pair.reference)),
  };
};
