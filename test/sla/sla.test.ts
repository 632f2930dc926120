import { expect } from 'chai';
import fc from 'fast-check';
import { Histogram } from '../../lib/measure/histogram.js';
import type { Measurement, Metric, MetricDeclaration } from '../../lib/measure/measurement.js';
import { judge, parseSla, type Sla } from '../../lib/sla/sla.js';
import { whyNot } from './why-not.js';

const sla = (text: string, severity: 'fail' | 'warn' = 'fail'): Sla => {
  const parsed = parseSla(text, severity);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
  return parsed.sla;
};
const mistake = (text: string) => {
  const parsed = parseSla(text);
  if (parsed.ok) throw new Error(`${text} was taken`);
  return parsed;
};
const declared: readonly MetricDeclaration[] = [
  { name: 'loss', kind: 'gauge', unit: '%', description: '' },
  { name: 'latency', kind: 'histogram', unit: 'ns', description: '' },
  { name: 'irq', kind: 'histogram', unit: 'ns', description: '' },
  { name: 'drops', kind: 'counter', unit: 'packets', description: '' },
];

describe('SLA grammar', () => {
  it('reads every form', () => {
    expect(sla('p99.99 <= 20us')).to.deep.equal({
      expression: 'p99.99 <= 20us',
      severity: 'fail',
      metric: undefined,
      statistic: { kind: 'percentile', percentile: 99.99, needs: 100_000 },
      operator: '<=',
      limit: { value: 20, unit: 'us' },
    });
    expect(sla(' latency . p50<1.5 ms ', 'warn')).to.deep.include({
      metric: 'latency',
      severity: 'warn',
      operator: '<',
      limit: { value: 1.5, unit: 'ms' },
    });
    expect(sla('over( 20us ) <= 0').statistic).to.deep.equal({ kind: 'over', above: { value: 20, unit: 'us' } });
    expect(sla('irq.share_over(20us) <= 0.1%')).to.deep.include({ metric: 'irq', limit: { value: 0.1, unit: '%' } });
    expect(sla('samples >= 100000').statistic).to.deep.equal({ kind: 'count' });
    expect(sla('duration >= 60s').statistic).to.deep.equal({ kind: 'duration' });
    expect(sla('loss == 0')).to.deep.include({ metric: 'loss', statistic: { kind: 'value' } });
  });

  for (const [text, offset, said] of [
    ['', 0, 'not the end'],
    ['max =< 20us', 4, "unknown operator '=<'"],
    ['max <= 20uss', 9, "unknown unit 'uss'"],
    ['max <= us', 7, 'expected a number'],
    ['max <= 20us max', 12, 'expected the end'],
    ['latency.maxx <= 20us', 8, "unknown statistic 'maxx'"],
    ['latency. <= 20us', 9, 'expected a statistic'],
    ['p100 <= 20us', 0, 'p100 is no percentile'],
    ['p0 <= 20us', 0, 'p0 is no percentile'],
    ['over <= 0', 5, "expected '('"],
    ['ovre(20us) <= 0', 0, "unknown function 'ovre'"],
    ['20us >= max', 0, 'expected a metric'],
    ['max <= -5us', 7, 'expected a number'],
  ] as const)
    it(`points at the mistake in '${text}'`, () => {
      const { message, offset: at } = mistake(text);
      expect(message).to.contain(said);
      expect(at).to.equal(offset);
    });

  it('says what was probably meant', () => {
    expect(mistake('latency.maxx <= 2us').hint).to.contain("'max'");
    expect(mistake('max <= 20Us').hint).to.contain("'us'");
    expect(mistake('p100 <= 2us').hint).to.contain("'max'");
  });

  it('never throws, and points into the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .array(
              fc.constantFrom('max', 'p99', '.', '9', '<=', '<', ' ', 'over', '(', ')', '20', 'us', '%', 'latency'),
            )
            .map((words) => words.join('')),
        ),
        (text) => {
          const parsed = parseSla(text);
          if (!parsed.ok) expect(parsed.offset).to.be.at.least(0).and.at.most(text.length);
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('SLA check', () => {
  for (const text of [
    'p99.99 <= 20us',
    'irq.max < 1ms',
    'loss <= 0',
    'loss <= 0.001%',
    'drops <= 0',
    'drops <= 5packets',
    'over(20us) <= 3',
    'share_over(1us) <= 0.01',
    'duration >= 1h',
    'count >= 5',
  ])
    it(`takes '${text}'`, () => {
      expect(whyNot(sla(text), declared)).to.equal(undefined);
    });

  for (const [text, said] of [
    ['latnecy.max <= 20us', "did you mean 'latency'?"],
    ['throughput >= 5', 'the scenario measures loss (gauge), latency (histogram)'],
    ['maxx <= 20us', "did you mean 'max'?"],
    ['latency <= 20us', 'is a histogram: name a statistic'],
    ['loss.p99 <= 5%', 'a gauge, which has no percentile'],
    ['max <= 20', 'has no unit: expected ns'],
    ['max <= 20%', 'the wrong unit: expected ns'],
    ['loss <= 5us', 'the wrong unit: expected %'],
    ['over(5%) <= 1', 'the wrong unit'],
    ['over(5us) <= 1us', 'the wrong unit: expected none'],
    ['count >= 1.5', 'no whole number'],
    ['max <= 1.5ns', 'no whole number of ns'],
    ['duration >= 5%', 'the wrong unit'],
  ] as const)
    it(`says why '${text}' can't be judged`, () => {
      expect(whyNot(sla(text), declared)).to.contain(said);
    });

  it('says so where no histogram is measured', () => {
    expect(whyNot(sla('max <= 5us'), [])).to.contain('measures nothing');
  });
});

describe('SLA verdict', () => {
  const histogram = (values: readonly number[], times = 1): Histogram => {
    const one = new Histogram({ resolution: 1000 });
    for (const value of values) one.record(value * 1000, times);
    return one;
  };
  const latency = (one: Histogram, thread = '0'): Metric => ({
    kind: 'histogram',
    name: 'latency',
    unit: 'ns',
    labels: { thread },
    histogram: one,
  });
  const value = (kind: 'counter' | 'gauge', name: string, amount: number, port = '0'): Metric => ({
    kind,
    name,
    unit: kind === 'gauge' ? '%' : 'packets',
    labels: { port },
    value: amount,
  });
  const measured = (...metrics: Metric[]): Measurement => ({ metrics, duration: 10e9 });
  const verdict = (text: string, measurement: Measurement, severity: 'fail' | 'warn' = 'fail') =>
    judge(sla(text, severity), measurement, declared);

  it('judges all label sets of a metric together', () => {
    const both = measured(latency(histogram([10, 20], 500)), latency(histogram([30], 1000), '1'));
    expect(verdict('max <= 30us', both)).to.deep.equal({
      expression: 'max <= 30us',
      observed: 30_000,
      unit: 'ns',
      verdict: 'pass',
    });
    expect(verdict('p50 <= 20us', both)).to.include({ observed: 20_000, verdict: 'pass' });
    expect(verdict('p50 < 20us', both)).to.include({ verdict: 'fail', reason: '20us observed' });
    expect(verdict('count == 2000', both)).to.include({ verdict: 'pass', unit: 'count' });
    expect(verdict('mean <= 22.5us', both)).to.include({ observed: 22_500, verdict: 'pass' });
    expect(verdict('min >= 10us', both)).to.include({ verdict: 'pass' });
    expect(verdict('over(20us) <= 999', both)).to.include({ observed: 1000, verdict: 'fail' });
    expect(verdict('share_over(20us) <= 50%', both)).to.include({ observed: 0.5, verdict: 'pass', unit: 'ratio' });
  });

  it('gives warn where that is the severity', () => {
    expect(verdict('max <= 5us', measured(latency(histogram([6]))), 'warn').verdict).to.equal('warn');
  });

  it('never passes without data', () => {
    const empty = measured(latency(new Histogram()));
    const texts = [
      'max <= 20us',
      'min >= 0us',
      'mean <= 1s',
      'p50 <= 1s',
      'count >= 0',
      'over(20us) <= 0',
      'share_over(20us) <= 0%',
    ];
    for (const text of texts) {
      expect(verdict(text, empty), text).to.include({
        verdict: 'no-data',
        observed: undefined,
        reason: 'zero samples',
      });
      expect(verdict(text, measured()), text).to.include({ verdict: 'no-data', reason: "'latency' was not measured" });
    }
    expect(verdict('loss <= 0', measured())).to.include({ verdict: 'no-data' });
    expect(verdict('loss <= 0', measured(value('gauge', 'loss', NaN)))).to.include({ verdict: 'no-data' });
  });

  it('wants ten samples above a percentile', () => {
    expect(verdict('p99.99 <= 20us', measured(latency(histogram([10], 99_999))))).to.deep.include({
      verdict: 'no-data',
      reason: 'p99.99 is not supported by the data: 99999 samples, 100000 needed',
    });
    expect(verdict('p99.99 <= 20us', measured(latency(histogram([10], 100_000))))).to.include({ verdict: 'pass' });
    expect(sla('p99.999 <= 1us').statistic).to.include({ needs: 1_000_000 });
    expect(sla('p99.9999999 <= 1us').statistic).to.include({ needs: 10_000_000_000 });
  });

  it('judges a limit at the edge of a bin rightly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), (us) => {
        const one = measured(latency(histogram([us], 100)));
        expect(verdict(`p50 <= ${String(us)}us`, one).verdict).to.equal('pass');
        expect(verdict(`over(${String(us)}us) <= 0`, one).verdict).to.equal('pass');
        expect(verdict(`p50 < ${String(us)}us`, one).verdict).to.equal('fail');
      }),
    );
  });

  it('adds counters up and takes the worst gauge', () => {
    const both = measured(
      value('counter', 'drops', 3),
      value('counter', 'drops', 4, '1'),
      value('gauge', 'loss', 0.1),
      value('gauge', 'loss', 0.2, '1'),
    );
    expect(verdict('drops <= 6', both)).to.include({ observed: 7, verdict: 'fail' });
    expect(verdict('loss <= 0.2%', both)).to.include({ observed: 0.2, verdict: 'pass' });
    expect(verdict('loss >= 0.2%', both)).to.include({ observed: 0.1, verdict: 'fail' });
    expect(verdict('loss == 0.1%', both)).to.include({ observed: 0.2, verdict: 'fail' });
  });

  it('judges how long was measured', () => {
    expect(verdict('duration >= 10s', measured()).verdict).to.equal('pass');
    expect(verdict('duration >= 11s', measured()).verdict).to.equal('fail');
  });

  it('takes the first declared histogram where none is named, whatever was measured first', () => {
    const irq: Metric = { kind: 'histogram', name: 'irq', unit: 'ns', labels: {}, histogram: histogram([1]) };
    expect(verdict('max <= 5us', measured(irq, latency(histogram([9]))))).to.include({
      observed: 9000,
      verdict: 'fail',
    });
  });
});
