import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { iteration } from '../../runners/iteration.js';
import { bareMetal } from '../../lib/contexts/bare-metal.js';
import { hostSchema } from '../../lib/host/spec.js';
import {
  defineScenario,
  Histogram,
  z,
  type ContextDefinition,
  type Measurement,
  type ScenarioDefinition,
  type Trial,
} from '../../lib/plugin.js';
import type { Plan, PlannedTest } from '../../lib/run/plan.js';
import { parseSla, type Sla } from '../../lib/sla/sla.js';

export const sla = (text: string): Sla => {
  const parsed = parseSla(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.sla;
};

/** A measurement of these latencies that took `duration`. */
export const latencies = (values: readonly number[], rest: Partial<Measurement> = {}): Measurement => {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return {
    metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: { thread: '0' }, histogram }],
    duration: 1e9,
    ...rest,
  };
};

/** A scenario that measures what a function says. */
export const scenarioOf = (
  measure: (trial: Trial<{ value: number }>) => Promise<Measurement>,
  rest: Partial<Pick<ScenarioDefinition<{ value: number }>, 'needs' | 'preview'>> = {},
): ScenarioDefinition<{ value: number }> =>
  defineScenario({
    type: 'said',
    summary: 'Measures what a test says',
    options: z.strictObject({ value: z.number().default(1000) }),
    metrics: () => [{ name: 'latency', kind: 'histogram', unit: 'ns', description: 'as said' }],
    needs: () => [],
    preview: () => ({ commands: [] }),
    ...rest,
    measure,
  });

export const testOf = (
  scenario: ScenarioDefinition<{ value: number }>,
  rest: Partial<PlannedTest> = {},
): PlannedTest => ({
  name: 'test',
  tags: [],
  scenario,
  context: 'metal',
  input: {},
  options: scenario.options.parse({}),
  parameters: {},
  runner: { definition: iteration, options: iteration.options.parse({}) },
  load: [],
  sla: [],
  ...rest,
});

export const planOf = (
  tests: readonly PlannedTest[],
  context: ContextDefinition = bareMetal,
  rest: Partial<Plan> = {},
): Plan => ({
  suite: { name: 'suite', file: 'suite.yaml', sha256: '0'.repeat(64) },
  hosts: new Map([['local', hostSchema.parse({})]]),
  contexts: new Map([['metal', { name: 'metal', definition: context, options: {}, on: 'local', provision: false }]]),
  secrets: [],
  parallel: 1,
  plugins: [],
  tests: () => tests,
  ...rest,
});

/** Runs `body` with a directory of its own that is gone afterwards. */
export const inDirectory = async <T>(body: (directory: string) => Promise<T>): Promise<T> => {
  const directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-test-'));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};
