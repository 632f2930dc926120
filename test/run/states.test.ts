import { readFile, readdir, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { bareMetal } from '../../lib/contexts/bare-metal.js';
import { localHost } from '../../lib/host/local.js';
import { hostSchema } from '../../lib/host/spec.js';
import { defineScenario, z, type ScenarioDefinition } from '../../lib/plugin.js';
import { cleanupRun } from '../../lib/run/cleanup.js';
import { execute, type RunOutcome } from '../../lib/run/executor.js';
import { loadSchema } from '../../lib/run/load.js';
import type { Plan, PlannedContext, PlannedTest } from '../../lib/run/plan.js';
import { Registry } from '../../lib/run/registry.js';
import { sweepersOf } from '../../lib/suite/plugins.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { stateDirectory, type Layer } from '../../lib/tuning/journal.js';
import { dropLease, leaseOf } from '../../lib/tuning/lease.js';
import { resolveNamed } from '../../lib/tuning/resolve.js';
import { restoreRun, runsToRestore } from '../../lib/tuning/restore.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import { machineIsFree } from '../tuning/this-machine.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const settings = ['stat_interval', 'swappiness'] as const;
const value = async (name: string): Promise<number> => Number(await readFile(`/proc/sys/vm/${name}`, 'utf8'));
const state = (): Promise<number[]> => Promise.all(settings.map(value));

/** Measures nothing but the settings under which it runs. */
const look = defineScenario({
  type: 'look',
  summary: 'Reads vm.stat_interval and vm.swappiness',
  options: z.strictObject({ value: z.number().default(0) }),
  metrics: () => settings.map((name) => ({ name, kind: 'gauge', unit: 'count', description: '' })),
  needs: () => [],
  preview: () => ({ commands: [] }),
  measure: async () => {
    const values = await state();
    return {
      duration: 1e6,
      metrics: settings.map((name, index) => ({
        kind: 'gauge',
        name,
        unit: 'count',
        labels: {},
        value: values[index]!,
      })),
    };
  },
});

const contextOf = (name: string, knobs?: Record<string, unknown>, on = 'local'): PlannedContext => ({
  name,
  definition: bareMetal,
  options: {},
  on,
  provision: false,
  ...(knobs === undefined ? {} : { tuning: tuningSchema.parse({ knobs }) }),
});

const planned = (contexts: readonly PlannedContext[], tests: readonly PlannedTest[], rest: Partial<Plan> = {}): Plan =>
  planOf(tests, bareMetal, { contexts: new Map(contexts.map((context) => [context.name, context])), ...rest });

const looks = (scenario: ScenarioDefinition<{ value: number }>, ...contexts: readonly string[]): PlannedTest[] =>
  contexts.map((context, index) => testOf(scenario, { name: `${String(index)}-${context}`, context }));

const measured = ({ result }: RunOutcome): (number[] | string)[] =>
  result.tests.map(({ metrics, reasons }) =>
    metrics.length === 0 ? reasons.join(' ') : metrics.map((metric) => (metric.kind === 'gauge' ? metric.value : -1)),
  );

describe('one state per machine', function () {
  this.timeout(120_000);
  let asFound: number[] = [];
  let [a, b, other] = [0, 0, 0];
  const run = (plan: Plan): Promise<RunOutcome> => inDirectory((results) => execute(plan, { results }));

  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(async () => {
    await machineIsFree();
    asFound = await state();
    const [interval = 1, swappiness = 60] = asFound;
    [a, b, other] = [interval + 10, interval + 20, swappiness === 30 ? 31 : 30];
  });
  afterEach(async () => {
    expect(await state()).to.deep.equal(asFound);
    expect(await readdir(stateDirectory).catch(() => [])).to.deep.equal([]);
  });

  it('measures the untuned baseline between two tests of a tuned context untuned', async () => {
    const contexts = [contextOf('plain'), contextOf('tuned', { 'stat-interval': a })];
    const outcome = await run(planned(contexts, looks(look, 'tuned', 'plain', 'tuned')));
    const [, swappiness] = asFound;
    expect(measured(outcome)).to.deep.equal([[a, swappiness], asFound, [a, swappiness]]);
    expect(outcome.result).to.include({ verdict: 'pass', exitCode: 0 });
  });

  it('measures A/B/A of one knob, each under its own value', async () => {
    const contexts = [contextOf('a', { 'stat-interval': a }), contextOf('b', { 'stat-interval': b })];
    const outcome = await run(planned(contexts, looks(look, 'a', 'b', 'a', 'b')));
    const [, swappiness] = asFound;
    expect(measured(outcome)).to.deep.equal([a, b, a, b].map((interval) => [interval, swappiness]));
    expect(outcome.result.problems).to.deep.equal([]);
  });

  it('measures neither of two contexts with a knob of the other', async () => {
    const contexts = [
      contextOf('plain'),
      contextOf('a', { 'stat-interval': a }),
      contextOf('b', { swappiness: other }),
    ];
    const outcome = await run(planned(contexts, looks(look, 'plain', 'a', 'b', 'plain', 'a')));
    const [interval, swappiness] = asFound;
    expect(measured(outcome)).to.deep.equal([asFound, [a, swappiness], [interval, other], asFound, [a, swappiness]]);
  });

  it('knows a machine by its kernel, whatever the suite calls it', async () => {
    const hosts = new Map(['local', 'again'].map((name) => [name, hostSchema.parse({})]));
    const contexts = [contextOf('a', { 'stat-interval': a }), contextOf('plain', undefined, 'again')];
    const slow: typeof look = { ...look, measure: (trial) => sleep(500).then(() => look.measure(trial)) };
    const tests = looks(slow, 'a', 'plain', 'a', 'plain');
    const outcome = await run(planned(contexts, tests, { hosts, parallel: 2 }));
    const [, swappiness] = asFound;
    expect(measured(outcome)).to.deep.equal([[a, swappiness], asFound, [a, swappiness], asFound]);
    // The last joins them to one group: one after the other, and put back between them.
    const load = [loadSchema.parse({ host: 'plain', stressor: 'cpu', workers: 1, percent: 1 })];
    const joined = [...looks(look, 'a', 'plain', 'a'), testOf(look, { name: 'joined', context: 'a', load })];
    const together = await run(planned(contexts, joined, { hosts }));
    expect(measured(together).slice(0, 3)).to.deep.equal([[a, swappiness], asFound, [a, swappiness]]);
  });

  it('lets a context on another have the last word, and gives that one its own back', async () => {
    const contexts = [
      contextOf('beneath', { 'stat-interval': a, swappiness: other }),
      contextOf('above', { 'stat-interval': b }, 'beneath'),
    ];
    const outcome = await run(planned(contexts, looks(look, 'above', 'beneath', 'above')));
    expect(measured(outcome)).to.deep.equal([
      [b, other],
      [a, other],
      [b, other],
    ]);
    expect(outcome.result.verdict).to.equal('pass');
  });

  it('does not measure where the contexts of one test contradict each other', async () => {
    const contexts = [contextOf('a', { 'stat-interval': a }), contextOf('b', { 'stat-interval': b })];
    const load = [loadSchema.parse({ host: 'b', stressor: 'cpu' })];
    const { result } = await run(planned(contexts, [testOf(look, { context: 'a', load })]));
    expect(result.exitCode).to.equal(3);
    expect(result.tests[0]?.reasons.join(' ')).to.match(
      /contexts '[ab]' and '[ab]' tune one machine, and not both are in effect: stat-interval is \d+ and not \d+/,
    );
  });

  it('measures nothing on a machine where a tuning could not be put back', async () => {
    const knob = '/proc/sys/vm/stat_interval';
    const host = localHost();
    const stuck: typeof look = {
      ...look,
      measure: async (trial) => {
        const measurement = await look.measure(trial);
        await host.exec(['sh', '-c', 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1"', 'sh', knob]);
        return measurement;
      },
    };
    const tests = [testOf(stuck, { name: 'stuck', context: 'a' }), ...looks(look, 'plain', 'a')];
    await inDirectory(async (results) => {
      const plan = planned([contextOf('a', { 'stat-interval': a }), contextOf('plain')], tests);
      let outcome: RunOutcome;
      try {
        outcome = await execute(plan, { results });
      } finally {
        await host.exec(['umount', knob], { check: false });
      }
      expect(outcome.result.exitCode).to.equal(6);
      expect(outcome.result.tests.map(({ verdict }) => verdict)).to.deep.equal(['pass', 'error', 'error']);
      for (const { reasons } of outcome.result.tests.slice(1))
        expect(reasons[0]).to.match(/^not measured under what is left of another tuning: .*NOT restored: \/proc/s);
      const report = await cleanupRun(outcome.directory, sweepersOf(new Registry()), {
        signal: AbortSignal.timeout(60_000),
      });
      expect(report.state, report.lines.join('\n')).to.equal('cleaned');
    });
  });

  it('verifies the machines of loads for drift too', async function () {
    if ((await localHost().exec(['sh', '-c', 'command -v stress-ng'], { check: false })).exitCode !== 0) this.skip();
    const drifting = scenarioOf(async (trial) => {
      await trial.window(() => writeFile('/proc/sys/vm/swappiness', String(other + 1)));
      return latencies([1000]);
    });
    const contexts = [contextOf('plain'), contextOf('b', { swappiness: other })];
    const load = [loadSchema.parse({ host: 'b', stressor: 'cpu', workers: 1, percent: 10 })];
    try {
      const { result } = await run(planned(contexts, [testOf(drifting, { context: 'plain', load })]));
      expect(result.tests[0]?.reasons.join(' ')).to.contain(`b: knob swappiness drifted from ${String(other)} to`);
      expect(result.exitCode).to.equal(3);
    } finally {
      await writeFile('/proc/sys/vm/swappiness', String(asFound[1]));
    }
  });
});

describe('several tunings of one run', function () {
  this.timeout(60_000);
  const run = `test-layers-${String(process.pid)}`;
  const host = localHost();
  const layers = ['first', 'second'].map((name, index) => ({ number: index + 1, name }));
  const apply = async (interval: number, layer: Layer) =>
    applyTuning(host, run, await resolveNamed(tuningSchema.parse({ knobs: { 'stat-interval': interval } })), { layer });

  before(async function () {
    if (process.getuid?.() !== 0) this.skip();
    await machineIsFree();
  });

  it('have journals of their own, and give the host back with the last', async () => {
    const found = await value('stat_interval');
    const [first, second] = [await apply(found + 10, layers[0]!), await apply(found + 20, layers[1]!)];
    expect(await runsToRestore(host)).to.deep.equal([run]);
    await second.restore();
    expect(await value('stat_interval')).to.equal(found + 10);
    expect(await leaseOf(host)).to.nested.include({ kind: 'held', 'lease.run': run });
    await first.restore();
    expect(await value('stat_interval')).to.equal(found);
    expect((await leaseOf(host)).kind).to.equal('free');
  });

  it('are put back together, the last one first, after their controller died', async () => {
    const found = await value('stat_interval');
    await apply(found + 10, layers[0]!);
    await apply(found + 20, layers[1]!);
    const report = await restoreRun(host, run);
    expect(report.places.map(({ fate }) => fate)).to.deep.equal(['restored', 'restored']);
    expect(report.complete).to.equal(true);
    await dropLease(host, run);
    expect(await value('stat_interval')).to.equal(found);
    expect(await runsToRestore(host)).to.deep.equal([]);
  });

  it('can not be told from those of a run whose id begins alike', async () => {
    const found = await value('stat_interval');
    const applied = await apply(found + 10, layers[0]!);
    expect((await restoreRun(host, run.slice(0, -1))).places).to.deep.equal([]);
    expect(await value('stat_interval')).to.equal(found + 10);
    await applied.restore();
    expect(await value('stat_interval')).to.equal(found);
  });
});
