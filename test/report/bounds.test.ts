import { expect } from 'chai';
import { Histogram } from '../../lib/measure/histogram.js';
import { renderSummary } from '../../lib/report/summary.js';
import { encodeMetrics } from '../../lib/run/encode.js';
import type { ResultMetric } from '../../lib/run/result.js';
import { resultOf, testOf } from './result.js';

const cells = (metrics: ResultMetric[]): string[] => {
  const text = renderSummary(resultOf([testOf('t', { metrics })]));
  return (text.split('\n').find((line) => line.startsWith('t ')) ?? '').split(/ {2,}/).slice(3);
};
const of = (histogram: Histogram): ResultMetric[] =>
  encodeMetrics([{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram }]);

describe('what is only bounded', () => {
  it('is shown as a bound: percentiles beyond the bins are no plain max', () => {
    const histogram = new Histogram({ resolution: 1000 });
    histogram.record(20_000, 9800);
    histogram.addOverflow(200, { above: 90_000, max: 1_500_000 });
    expect(cells(of(histogram))).to.deep.equal([
      '10 000',
      '20us',
      '20us',
      '>90us',
      '>90us',
      '-',
      '-',
      '1.50ms',
      'pass',
    ]);
  });

  it('is shown as one although the greatest of another thread is known to be the same', () => {
    const [a, b] = [new Histogram({ resolution: 1000 }), new Histogram({ resolution: 1000 })];
    a.record(200_000, 4000);
    b.addOverflow(6000, { above: 90_000, max: 200_000 });
    expect(cells(of(a.merge(b))).slice(1, 4)).to.deep.equal(['>90us', '>90us', '200us']);
  });

  it('is a min too, where all samples are beyond the bins', () => {
    const histogram = new Histogram();
    histogram.addOverflow(5, { above: 1_000_000, max: 3_800_000 });
    expect(cells(of(histogram)).slice(0, 2)).to.deep.equal(['5', '>1ms']);
  });

  it('stands on the line of its SLA', () => {
    const sla = {
      expression: 'over(1ms) <= 1',
      severity: 'fail',
      observed: 500,
      bounds: { low: 1, high: 500 },
      unit: 'count',
      verdict: 'fail',
      reason: '1 to 500 observed: and why',
    } as const;
    const { reason, ...passed } = { ...sla, expression: 'over(1ms) <= 500', verdict: 'pass' as const };
    expect(reason).to.be.a('string');
    const text = renderSummary(resultOf([testOf('t', { sla: [sla, passed] })]));
    expect(text).to.contain('over(1ms) <= 1  (1 to 500 observed: and why)');
    expect(text).to.contain('over(1ms) <= 500  (observed 1 to 500)');
  });
});

describe('a value beside its limit', () => {
  for (const [observed, unit, shown] of [
    [50_015, 'ns', '50.015us'],
    [100_040, 'ns', '100.04us'],
    [999, 'ns', '999ns'],
    [1_000_000_001, 'ns', '1.000000001s'],
    [49_990.0101, 'ns', '49.9900101us'],
    [0.007, 'ratio', '0.7%'],
    [0.0070001, 'ratio', '0.70001%'],
    [1 / 3, 'ratio', '33.3333333%'],
    [2201, 'count', '2 201'],
    [14_880_000, 'packets/s', '14 880 000 packets/s'],
    [0.25, '%', '0.25%'],
    [10_000_000_000, 'bit/s', '10 000 000 000 bit/s'],
    [2200.5, 'MHz', '2200.5 MHz'],
    [4096, 'B', '4 096 B'],
    [0, 'ns', '0ns'],
  ] as const)
    it(`keeps its digits: ${shown}`, () => {
      const outcome = { expression: 'x <= 1', severity: 'fail', observed, unit, verdict: 'pass' } as const;
      expect(renderSummary(resultOf([testOf('t', { sla: [outcome] })]))).to.contain(`(observed ${shown})`);
    });
});
