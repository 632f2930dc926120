import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { summaryLine, type Counts } from '../test/support/summary.js';

export const root = join(import.meta.dirname, '..');

const summary = /^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/;

/** Shows what mocha says as it says it, but for the counts at the end. Undefined where it did not come to them. */
export const mocha = async (argv: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Counts | undefined> => {
  const child = spawn(join(root, 'node_modules/.bin/mocha'), argv, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  let held = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    held += chunk;
    const last = held.lastIndexOf('\n', held.length - 2) + 1;
    const shown = summary.test(held.slice(last)) ? last : held.length;
    process.stdout.write(held.slice(0, shown));
    held = held.slice(shown);
  });
  const [code] = (await closed) as [number | null];
  const found = summary.exec(held);
  if (found === null) {
    process.stdout.write(held);
    return undefined;
  }
  const [passed, failed, skipped] = [found[1], found[2], found[3] ?? '0'].map(Number) as [number, number, number];
  const allSkipped = skipped > 0 && passed === 0 && failed === 0;
  // What mocha says after its tests, or a signal, is a failure too.
  return { passed, failed: code === 0 || allSkipped ? failed : Math.max(1, failed), skipped };
};

/** Prints `N passed, N failed` of all together as the last line, and sets the exit code. `more`: failures of other kinds. */
export const conclude = (all: readonly (Counts | undefined)[], more = 0): void => {
  const known = all.filter((counts) => counts !== undefined);
  const sum = (of: (counts: Counts) => number): number => known.reduce((total, counts) => total + of(counts), 0);
  const total: Counts = {
    passed: sum(({ passed }) => passed),
    failed: sum(({ failed }) => failed) + (all.length - known.length) + more,
    skipped: sum(({ skipped }) => skipped),
  };
  console.log(`\n${summaryLine(total)}`);
  if (total.failed > 0 || total.passed === 0) process.exitCode = 1;
};
