import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { defineScenario, Histogram, z, type Metric } from '../../lib/plugin.js';
import { decodeHistogram } from '../../lib/run/encode.js';
import { execute } from '../../lib/run/executor.js';
import type { PlannedTest } from '../../lib/run/plan.js';
import type { Result, ResultTest } from '../../lib/run/result.js';
import { renderSummary } from '../../lib/report/summary.js';
import { iteration } from '../../runners/iteration.js';
import { sweep } from '../../runners/sweep.js';
import { inDirectory, latencies, planOf, scenarioOf, sla, testOf } from './support.js';

const options = z.strictObject({ frame: z.int().default(64) });

/** What a generator of packets measures, none of it a time. */
const packets = (frame: number, trial: number): Metric[] => {
  const histogram = new Histogram();
  for (let size = 32; size < 1532; size += 1) histogram.record(size, 10);
  return [
    { kind: 'histogram', name: 'burst', unit: 'packets', labels: {}, histogram },
    { kind: 'gauge', name: 'throughput', unit: 'packets/s', labels: {}, value: 14_880_000 - frame + trial },
    { kind: 'counter', name: 'lost', unit: 'packets', labels: {}, value: 7 },
  ];
};

const forwarding = (runner: PlannedTest['runner']): PlannedTest => {
  let trial = 0;
  const scenario = defineScenario<z.output<typeof options>>({
    type: 'forward',
    summary: 'Says that it forwarded packets',
    options,
    metrics: () => packets(0, 0).map(({ kind, name, unit }) => ({ kind, name, unit, description: 'as a test says' })),
    needs: () => [],
    preview: () => ({ commands: [] }),
    measure: ({ options: { frame } }) => Promise.resolve({ metrics: packets(frame, trial++), duration: 1e9 }),
  });
  return { ...testOf(scenarioOf(() => Promise.reject(new Error('unused')))), scenario, options: { frame: 64 }, runner };
};

const repeated = (input: object): PlannedTest['runner'] => ({
  definition: iteration,
  options: iteration.options.parse(input),
});

const resultOf = (test: PlannedTest): Promise<Result> =>
  inDirectory(async (results) => (await execute(planOf([test]), { results })).result);

const only = ({ tests: [test] }: Result): ResultTest => {
  if (test === undefined) throw new Error('no test');
  return test;
};

describe('the worst of several trials', () => {
  const maxima = [20_000, 95_000, 30_000];
  const measured = (rest: Partial<PlannedTest>): Promise<Result> => {
    let trial = 0;
    const scenario = scenarioOf(() => Promise.resolve(latencies([10_000, maxima[trial++] ?? 0])));
    return resultOf(testOf(scenario, { runner: repeated({ count: 3 }), ...rest }));
  };

  it('is what an SLA of a test shows, whether it is met or not', async () => {
    const slas = ['max <= 100us', 'max <= 15us', 'max >= 20us', 'max >= 50us', 'max == 30us', 'over(50us) <= 5'];
    const test = only(await measured({ sla: slas.map(sla) }));
    expect(test.sla.map(({ verdict, observed, trial }) => [verdict, observed, trial])).to.deep.equal([
      ['pass', 95_000, 'test-1'],
      ['fail', 95_000, 'test-1'],
      ['pass', 20_000, 'test-0'],
      ['fail', 20_000, 'test-0'],
      ['fail', 95_000, 'test-1'],
      ['pass', 1, 'test-1'],
    ]);
  });

  it('goes by verdict first: one without data is worse than one that failed', async () => {
    let trial = 0;
    const scenario = scenarioOf(() =>
      Promise.resolve(latencies(Array.from({ length: trial++ === 1 ? 10 : 30 }, () => 50_000))),
    );
    const test = only(await resultOf(testOf(scenario, { runner: repeated({ count: 3 }), sla: [sla('p50 <= 1us')] })));
    expect(test.sla[0]).to.include({ verdict: 'no-data', observed: null, trial: 'test-1' });
  });

  it('stands on its line of the summary', async () => {
    const text = renderSummary(await measured({ sla: [sla('max <= 100us'), sla('max <= 15us')] }));
    expect(text).to.contain('pass     max <= 100us  (observed 95us in test-1)');
    expect(text).to.contain('fail     max <= 15us  (observed 95us in test-1)');
  });

  it('keeps SLAs apart that differ in severity only', async () => {
    const [one, other] = [sla('max <= 15us'), { ...sla('max <= 15us'), severity: 'warn' as const }];
    const test = only(await measured({ sla: [one, other] }));
    expect(test.sla.map(({ verdict }) => verdict)).to.deep.equal(['fail', 'warn']);
  });
});

describe('until', () => {
  it('that was never reached makes a test warn, with what is known', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1000])));
    const runner = repeated({ count: 4, until: { metric: 'p99.99', within: 0.1 } });
    const result = await resultOf(testOf(scenario, { runner }));
    expect([result.verdict, result.exitCode, only(result).verdict]).to.deep.equal(['warn', 0, 'warn']);
    expect(only(result).reasons.join())
      .to.contain('until was not reached')
      .and.to.contain('0 of 4 trials gave a value');
    expect(renderSummary(result)).to.match(/warn +until was not reached/);
  });

  it('leaves a worse verdict as it is, and one that was reached a pass', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1000])));
    const never = repeated({ count: 3, until: { metric: 'p99.99' } });
    expect((await resultOf(testOf(scenario, { runner: never, sla: [sla('max <= 1ns')] }))).verdict).to.equal('fail');
    const reached = repeated({ count: 9, until: { metric: 'max' } });
    const result = await resultOf(testOf(scenario, { runner: reached }));
    expect([result.verdict, only(result).trials.length]).to.deep.equal(['pass', 3]);
  });
});

describe('metrics that are no times', () => {
  it('keep the value of each trial, and are no lines of a log of times', async () => {
    await inDirectory(async (results) => {
      const { result, directory } = await execute(planOf([forwarding(repeated({ count: 3 }))]), { results });
      const { metrics } = only(result);
      expect(metrics.find(({ name }) => name === 'throughput')).to.deep.include({
        kind: 'gauge',
        value: 14_879_937,
        values: [14_879_936, 14_879_937, 14_879_938],
      });
      expect(metrics.find(({ name }) => name === 'lost')).to.deep.include({ kind: 'counter', value: 21 });
      const hlog = await access(path.join(directory, 'test.hlog')).then(
        () => 'there',
        () => 'none',
      );
      expect(hlog).to.equal('none');
      expect(await readFile(path.join(directory, 'result.json'), 'utf8')).to.contain('"values"');
    });
  });

  it('are shown in their units, a row each', async () => {
    const text = renderSummary(await resultOf(forwarding(repeated({ count: 3 }))));
    const rows = text.split('\n').map((line) => line.trim().split(/ {2,}/));
    const row = (metric: string) => rows.find((cells) => cells[2] === metric)?.slice(3);
    expect(row('burst (packets)')).to.deep.equal([
      '45 000',
      '32',
      '781',
      '1 516',
      '1 530',
      '-',
      '-',
      '1 531',
      '-',
      'pass',
    ]);
    expect(row('throughput (packets/s)')).to.deep.equal([
      '3',
      '14 879 936',
      '-',
      '-',
      '-',
      '-',
      '-',
      '14 879 938',
      '14 879 937',
    ]);
    expect(row('lost (packets)')).to.deep.equal(['-', '-', '-', '-', '-', '-', '-', '-', '21']);
    expect(text).to.contain('burst of test, samples in packets by range');
    expect(text).to.not.match(/\d(ns|us|ms)\b/);
  });

  it('are shown for each trial of a sweep', async () => {
    const runner = { definition: sweep, options: sweep.options.parse({ over: { frame: [64, 512] } }) };
    const text = renderSummary(await resultOf(forwarding(runner)));
    expect(text).to.match(/test frame=64 +metal +throughput \(packets\/s\) .* 14 879 936$/m);
    expect(text).to.match(/test frame=512 +metal +throughput \(packets\/s\) .* 14 879 489$/m);
    expect(text).to.match(/test frame=512 +metal +lost \(packets\) .* 7$/m);
  });
});

describe('times', () => {
  it('of more than an hour are measured, judged and shown', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([5000, 7200e9])));
    const result = await resultOf(testOf(scenario, { sla: [sla('max <= 3h'), sla('max <= 1h')] }));
    expect(only(result).sla.map(({ verdict }) => verdict)).to.deep.equal(['pass', 'fail']);
    expect(renderSummary(result)).to.contain('max <= 1h  (observed 7200s)');
  });

  it('in 1 ns bins stay so in the result', async () => {
    const histogram = new Histogram();
    histogram.record(49_990, 99_999);
    histogram.record(51_000);
    const metrics: Metric[] = [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: { cpu: '1' }, histogram }];
    const slas = ['p99 <= 50us', 'over(50us) <= 1', 'over(50us) == 1', 'p99 == 49.99us'].map(sla);
    const result = await resultOf(
      testOf(
        scenarioOf(() => Promise.resolve({ metrics, duration: 1e9 })),
        { sla: slas },
      ),
    );
    expect(result.verdict).to.equal('pass');
    for (const metric of only(result).metrics) {
      if (metric.kind !== 'histogram') throw new Error('no histogram');
      expect(metric.percentiles).to.include({ '50': 49_990, '99': 49_990, '99.99': 49_990 });
      expect(decodeHistogram(metric).overBounds(50_000)).to.deep.equal({ low: 1, high: 1 });
    }
    expect(renderSummary(result)).to.contain('(observed 49.99us)');
  });
});
