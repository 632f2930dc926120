import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostFactsSchema } from '../../lib/host/facts-schema.js';
import { Histogram } from '../../lib/measure/histogram.js';
import { encodeMetrics } from '../../lib/run/encode.js';
import type { Result, ResultTest, ResultTrial } from '../../lib/run/result.js';

const facts = hostFactsSchema.parse(
  JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/facts/linux-6.1-rt-two-sockets.json'), 'utf8')),
);

export const trialOf = (id: string, rest: Partial<ResultTrial> = {}): ResultTrial => ({
  id,
  parameters: {},
  warmUp: false,
  verdict: 'pass',
  reasons: [],
  startedAt: '2026-11-22T18:00:00.000Z',
  endedAt: '2026-11-22T18:01:00.000Z',
  duration: 60e9,
  metrics: [],
  sla: [],
  load: [],
  notes: {},
  ...rest,
});

/** Latencies of two threads: 2000 of 3 us, 200 of 40 us, one of 1.5 ms. */
export const metrics = (): ResultTrial['metrics'] => {
  const [a, b] = [new Histogram({ resolution: 1000 }), new Histogram({ resolution: 1000 })];
  a.record(3000, 2000);
  b.record(40_000, 200);
  b.record(1_500_000);
  return encodeMetrics(
    [a, b].map((histogram, thread) => ({
      kind: 'histogram',
      name: 'latency',
      unit: 'ns',
      labels: { thread: String(thread) },
      histogram,
    })),
  );
};

export const testOf = (name: string, rest: Partial<ResultTest> = {}): ResultTest => ({
  name,
  scenario: 'timer',
  context: 'metal',
  tags: [],
  parameters: {},
  verdict: 'pass',
  reasons: [],
  metrics: [],
  trials: [],
  sla: [],
  ...rest,
});

export const resultOf = (tests: ResultTest[], rest: Partial<Result> = {}): Result => ({
  schemaVersion: 1,
  runId: '20261122-180000-suite-0000',
  kvm4nfv: '0.1.0',
  suite: { name: 'suite', file: 'suite.yaml', sha256: '0' },
  startedAt: '2026-11-22T18:00:00.000Z',
  endedAt: '2026-11-22T18:05:00.000Z',
  verdict: 'pass',
  exitCode: 0,
  environment: { node1: facts },
  environmentChanges: {},
  contexts: {},
  provisioned: {},
  tests,
  problems: [],
  ...rest,
});
