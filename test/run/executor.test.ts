import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError, type Fault } from '../../lib/error.js';
import { defineContext, z, type ContextDefinition } from '../../lib/plugin.js';
import { iteration } from '../../runners/iteration.js';
import { execute, type RunOutcome } from '../../lib/run/executor.js';
import type { Plan, PlannedTest } from '../../lib/run/plan.js';
import { reduceRun } from '../../lib/run/reduce.js';
import { resultSchema } from '../../lib/run/result.js';
import { eventually } from '../support/eventually.js';
import { inDirectory, latencies, planOf, scenarioOf, sla, testOf } from './support.js';

const good = scenarioOf(() => Promise.resolve(latencies([1000, 2000, 3000])));

const run = (plan: Plan, options: Parameters<typeof execute>[1] = {}): Promise<RunOutcome> =>
  inDirectory((results) => execute(plan, { results, ...options }));

const runner = (input: object): PlannedTest['runner'] => ({
  definition: iteration,
  options: iteration.options.parse(input),
});

describe('the executor', () => {
  it('measures, judges, and derives the same result from the events as it gave', async () => {
    await inDirectory(async (results) => {
      const plan = planOf([testOf(good, { sla: [sla('max <= 3us')], runner: runner({ count: 2, warm_up: 1 }) })]);
      const { result, directory } = await execute(plan, { results });
      expect(result.verdict).to.equal('pass');
      expect(result.exitCode).to.equal(0);
      expect(result.tests[0]?.trials.map(({ warmUp }) => warmUp)).to.deep.equal([true, false, false]);
      const [merged, thread] = result.tests[0]?.metrics ?? [];
      expect(merged).to.include({ kind: 'histogram', count: 6, min: 1000, max: 3000 });
      expect(merged?.labels).to.deep.equal({});
      expect(thread?.labels).to.deep.equal({ thread: '0' });
      expect(await reduceRun(directory)).to.deep.equal(result);
      const file: unknown = JSON.parse(await readFile(path.join(directory, 'result.json'), 'utf8'));
      expect(resultSchema.parse(file)).to.deep.equal(result);
      expect(await readdir(directory)).to.include.members(['events.ndjson', 'result.json', 'test.hlog']);
    });
  });

  it('fails with exit code 1 when an SLA is broken, and says what was observed', async () => {
    const { result } = await run(planOf([testOf(good, { sla: [sla('max <= 2us')] })]));
    expect([result.verdict, result.exitCode]).to.deep.equal(['fail', 1]);
    expect(result.tests[0]?.sla).to.deep.equal([
      {
        severity: 'fail',
        expression: 'max <= 2us',
        observed: 3000,
        unit: 'ns',
        verdict: 'fail',
        reason: '3us observed',
      },
    ]);
    expect(result.tests[0]?.reasons).to.include('max <= 2us: 3us observed');
  });

  it('never passes without data', async () => {
    for (const measurement of [latencies([]), latencies([1], { metrics: [] })]) {
      const { result } = await run(planOf([testOf(scenarioOf(() => Promise.resolve(measurement)))]));
      expect([result.verdict, result.exitCode]).to.deep.equal(['no-data', 1]);
    }
    const none = await run(planOf([]));
    expect([none.result.verdict, none.result.exitCode]).to.deep.equal(['no-data', 1]);
  });

  it('takes a percentile that the data do not support for no data', async () => {
    const { result } = await run(planOf([testOf(good, { sla: [sla('p99.99 <= 1s')] })]));
    expect(result.tests[0]?.sla[0]).to.include({ verdict: 'no-data', observed: null });
    expect(result.exitCode).to.equal(1);
  });

  it('takes a trial that was cut short for no data', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1], { duration: 9e9 })), {
      preview: () => ({ commands: [], duration: 10e9 }),
    });
    const { result } = await run(planOf([testOf(scenario)]));
    expect(result.tests[0]?.reasons).to.deep.equal(['measured for 9.000 s of the 10.000 s asked for']);
    expect(result.verdict).to.equal('no-data');
  });

  it('fails when the tool stopped at a limit that it was given', async () => {
    const { result } = await run(
      planOf([testOf(scenarioOf(() => Promise.resolve(latencies([1], { breach: 'stopped at 51us' }))))]),
    );
    expect([result.verdict, result.exitCode]).to.deep.equal(['fail', 1]);
    expect(result.tests[0]?.reasons).to.deep.equal(['stopped at 51us']);
  });

  const faults: readonly [Fault, number][] = [
    ['tool', 5],
    ['environment', 3],
    ['unreachable', 4],
    ['internal', 5],
  ];
  for (const [fault, code] of faults)
    it(`exits ${String(code)} when a trial ends in a fault of kind ${fault}`, async () => {
      const { result } = await run(
        planOf([testOf(scenarioOf(() => Promise.reject(new Kvm4nfvError(fault, 'it broke', { hint: 'mend it' }))))]),
      );
      expect([result.verdict, result.exitCode]).to.deep.equal(['error', code]);
      expect(result.tests[0]?.reasons).to.deep.equal(['it broke', 'mend it']);
    });

  it('does not run the trials after one that ended in error, but the tests after it', async () => {
    let trials = 0;
    const bad = scenarioOf(() => {
      trials += 1;
      return Promise.reject(new Error('bug'));
    });
    const { result } = await run(
      planOf([testOf(bad, { runner: runner({ count: 3 }) }), testOf(good, { name: 'other' })]),
    );
    expect(trials).to.equal(1);
    expect(result.tests.map(({ verdict }) => verdict)).to.deep.equal(['error', 'pass']);
    expect(result.exitCode).to.equal(5);
  });

  it('skips the rest after a failure when asked to', async () => {
    const plan = planOf([testOf(good, { sla: [sla('max <= 1us')] }), testOf(good, { name: 'other' })]);
    const { result } = await run(plan, { failFast: true });
    expect(result.tests.map(({ verdict }) => verdict)).to.deep.equal(['fail', 'skip']);
  });

  it('says which tool is missing and its package, and exits 3', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1])), {
      needs: () => [{ kind: 'tool', name: 'no-such-tool', package: 'no-such-package' }],
    });
    const { result } = await run(planOf([testOf(scenario)]));
    expect(result.exitCode).to.equal(3);
    expect(result.tests[0]?.reasons.join(' ')).to.contain(
      'lacks the tool no-such-tool (Debian package no-such-package)',
    );
    expect(result.tests[0]?.trials).to.have.length(0);
  });

  it('says which option a tool lacks', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1])), {
      needs: () => [{ kind: 'tool', name: 'ls', package: 'coreutils', options: ['--all', '--no-such-option'] }],
    });
    const { result } = await run(planOf([testOf(scenario)]));
    expect(result.tests[0]?.reasons[0]).to.match(/without --no-such-option:/);
  });

  it('puts everything back and exits 130 when it is interrupted', async () => {
    const controller = new AbortController();
    const destroyed: string[] = [];
    const context = defineContext({
      type: 'watched',
      summary: 'Tells when it is taken down',
      options: z.strictObject({}),
      preview: () => [],
      deploy: (_options, { host, name }) =>
        Promise.resolve({
          sut: host,
          traits: {},
          [Symbol.asyncDispose]: () => {
            destroyed.push(name);
            return Promise.resolve();
          },
        }),
    });
    const scenario = scenarioOf(async (trial) => {
      const job = await trial.start(['sleep', '600']);
      setTimeout(() => {
        controller.abort();
      }, 50);
      await job.wait({ signal: trial.signal });
      return latencies([1]);
    });
    const { result } = await run(planOf([testOf(scenario), testOf(good, { name: 'other' })], context), {
      signal: controller.signal,
    });
    expect([result.verdict, result.exitCode]).to.deep.equal(['error', 130]);
    expect(result.tests.map(({ verdict }) => verdict)).to.deep.equal(['error', 'skip']);
    expect(destroyed).to.deep.equal(['metal']);
  });

  it('reports a context that can not be taken down, and exits 6', async () => {
    const context = defineContext({
      type: 'stuck',
      summary: 'Can not be taken down',
      options: z.strictObject({}),
      preview: () => [],
      deploy: (_options, { host }) =>
        Promise.resolve({
          sut: host,
          traits: {},
          [Symbol.asyncDispose]: () => Promise.reject(new Error('stuck fast')),
        }),
    });
    const { result } = await run(planOf([testOf(good)], context));
    expect(result.exitCode).to.equal(6);
    expect(result.problems.map(({ message }) => message)).to.deep.equal(['stuck fast']);
    expect(result.verdict).to.equal('error');
  });

  it('takes a context down after the last test that needs it, not before', async () => {
    const log: string[] = [];
    const context = defineContext({
      type: 'logged',
      summary: 'Logs',
      options: z.strictObject({}),
      preview: () => [],
      deploy: (_options, { host, name }) => {
        log.push(`up ${name}`);
        return Promise.resolve({
          sut: host,
          traits: {},
          [Symbol.asyncDispose]: () => {
            log.push(`down ${name}`);
            return Promise.resolve();
          },
        });
      },
    }) as ContextDefinition;
    const at = (name: string, on: string) =>
      [name, { name, definition: context, options: {}, on, provision: false }] as const;
    const scenario = scenarioOf((trial) => {
      log.push(`measure ${trial.id}`);
      return Promise.resolve(latencies([1]));
    });
    const tests = ['b', 'a', 'b'].map((place, index) =>
      testOf(scenario, { name: `${place}${String(index)}`, context: place }),
    );
    await run(planOf(tests, context, { contexts: new Map([at('a', 'local'), at('b', 'a')]) }));
    expect(log).to.deep.equal(['up a', 'up b', 'measure b0-0', 'measure a1-0', 'measure b2-0', 'down b', 'down a']);
  });

  it('leaves nothing of a run on the machine', async () => {
    const runs = async (): Promise<string[]> =>
      (await readdir('/run/kvm4nfv').catch(() => [])).filter((name) => name.includes('-leftover-'));
    const scenario = scenarioOf(async (trial) => {
      const job = await trial.start(['true']);
      await job.wait({ signal: trial.signal, timeout: 10_000 });
      expect(await runs()).to.have.length(1);
      return latencies([1]);
    });
    const plan = planOf([testOf(scenario)], undefined, { suite: { name: 'leftover', file: '', sha256: '' } });
    expect((await run(plan)).result.verdict).to.equal('pass');
    expect(await runs()).to.deep.equal([]);
  });

  it('never records a secret', async () => {
    await inDirectory(async (results) => {
      const scenario = scenarioOf(() =>
        Promise.resolve(latencies([1], { notes: { command: 'tool --password hunter2"x' } })),
      );
      const { result, directory } = await execute(planOf([testOf(scenario)], undefined, { secrets: ['hunter2"x'] }), {
        results,
      });
      expect(result.tests[0]?.trials[0]?.notes).to.deep.equal({ command: 'tool --password [redacted]' });
      expect(await readFile(path.join(directory, 'events.ndjson'), 'utf8')).not.to.contain('hunter2');
    });
  });

  it('runs groups that share no machine at once when the suite says so', async () => {
    let now = 0;
    let most = 0;
    const scenario = scenarioOf(async () => {
      now += 1;
      most = Math.max(most, now);
      await eventually('the other two', () => most === 3);
      now -= 1;
      return latencies([1]);
    });
    const names = ['a', 'b', 'c'];
    const local = planOf([]).hosts.get('local');
    if (local === undefined) throw new Error('no host');
    const base = planOf([]).contexts.get('metal');
    if (base === undefined) throw new Error('no context');
    const plan = planOf(
      names.map((name) => testOf(scenario, { name, context: name })),
      undefined,
      {
        parallel: 3,
        hosts: new Map(names.map((name) => [`host-${name}`, local])),
        contexts: new Map(names.map((name) => [name, { ...base, name, on: `host-${name}` }])),
      },
    );
    const { result } = await run(plan);
    expect(result.verdict).to.equal('pass');
    expect(most).to.equal(3);
  });
});
