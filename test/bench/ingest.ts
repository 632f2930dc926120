import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Outcome, Row } from './row.js';

/** What the worker prints. */
interface Ingested {
  readonly seconds: number;
  /** Most memory of the process, bytes. */
  readonly peak: number;
}

const worker = join(import.meta.dirname, 'workers/ingest.ts');

/** Counts `total` samples in a process of its own, so that its memory is only theirs. */
const ingest = async (total: number, unit: 1 | 1000): Promise<Ingested> => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--import',
    'tsx',
    worker,
    String(total),
    String(unit),
  ]);
  return JSON.parse(stdout) as Ingested;
};

const rate = async (unit: 1 | 1000): Promise<Outcome> => {
  const total = 2e7;
  const { seconds } = await ingest(total, unit);
  return { ours: total / seconds / 1e6, reference: 5 };
};

export const rows: readonly Row[] = [
  ...([1000, 1] as const).map((unit): Row => ({
    name: `ingest of cyclictest -v lines${unit === 1 ? ' in ns' : ''}`,
    unit: 'M samples/s',
    against: 'wanted',
    target: { atLeast: 1 },
    run: () => rate(unit),
  })),
  {
    name: 'ingest: memory of 100 M samples',
    unit: 'MB',
    against: '1 M samples',
    // Flat: what the garbage collector has not yet got round to is no growth with the samples.
    target: { atMost: 1.1 },
    run: async () => ({ ours: (await ingest(1e8, 1)).peak / 1e6, reference: (await ingest(1e6, 1)).peak / 1e6 }),
  },
];
