import { expect } from 'chai';
import { Histogram } from '../../lib/measure/histogram.js';
import type { Measurement, Metric, MetricDeclaration } from '../../lib/measure/measurement.js';
import { judge, parseSla, type Judgement, type Sla } from '../../lib/sla/sla.js';
import { whyNot } from './why-not.js';

const sla = (text: string): Sla => {
  const parsed = parseSla(text);
  if (!parsed.ok) throw new Error(`${text}: ${parsed.message} (${parsed.hint ?? ''})`);
  return parsed.sla;
};
const histogram = (us: readonly number[]): Histogram => {
  const one = new Histogram({ resolution: 1000 });
  for (const value of us) one.record(value * 1000);
  return one;
};
const latency = (cpu: string, ...us: readonly number[]): Metric => ({
  kind: 'histogram',
  name: 'latency',
  unit: 'ns',
  labels: { thread: `t${cpu}`, cpu },
  histogram: histogram(us),
});
const judged = (text: string, ...metrics: readonly Metric[]): Judgement => judge(sla(text), { metrics, duration: 1e9 });

describe('words of SLAs', () => {
  const one = latency('0', ...Array.from({ length: 20 }, (_, index) => index + 1));

  for (const [text, observed] of [
    ['avg <= 10.5us', 10_500],
    ['average <= 10.5us', 10_500],
    ['median <= 10us', 10_000],
    ['latency.avg <= 10.5us', 10_500],
    ['max - min <= 19us', 19_000],
    ['latency.max - latency.min <= 19us', 19_000],
    ['latency.max - min <= 19us', 19_000],
  ] as const)
    it(`knows '${text}'`, () => {
      expect(judged(text, one)).to.include({ observed, verdict: 'pass' });
    });

  it('knows stddev, of all samples together', () => {
    // 2, 4, 4, 4, 5, 5, 7, 9: the squares about 5 sum up to 32, and 32 / 7 is the variance.
    const parts = [latency('0', 2, 4, 4), latency('1', 4, 5, 5, 7, 9)];
    for (const word of ['stddev', 'stdev', 'std', 'latency.stddev'])
      expect(judged(`${word} <= 2.2us`, ...parts).observed).to.be.closeTo(1000 * Math.sqrt(32 / 7), 1e-6);
    expect(judged('stddev <= 2.13us', ...parts).verdict).to.equal('fail');
    expect(judged('stddev <= 2.14us', ...parts).verdict).to.equal('pass');
    expect(judged('stddev <= 1us', latency('0', 5))).to.include({ verdict: 'no-data' });
    const beyond = histogram([5, 6]);
    beyond.addOverflow(2, { above: 90_000, max: 95_000 });
    const metric: Metric = { kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram: beyond };
    expect(judged('stddev <= 1s', metric)).to.include({
      verdict: 'no-data',
      reason: 'the standard deviation is not known: samples lie beyond the bins',
    });
  });

  it('leaves a counter or gauge its name where a plug-in called it so', () => {
    const gauge: Metric = { kind: 'gauge', name: 'avg', unit: 'MHz', labels: {}, value: 2200 };
    expect(judged('avg >= 2GHz', gauge, one)).to.include({ observed: 2200, verdict: 'pass' });
    const declared: MetricDeclaration[] = [
      { name: 'latency', kind: 'histogram', unit: 'ns', description: '' },
      { name: 'median', kind: 'gauge', unit: 'MHz', description: '' },
    ];
    expect(whyNot(sla('median >= 2GHz'), declared)).to.equal(undefined);
    expect(whyNot(sla('avg <= 2GHz'), declared)).to.contain('the wrong unit: expected ns');
  });

  for (const [text, hint] of [
    ['latency.minimum >= 1us', "'min'"],
    ['latency.maximum <= 1us', "'max'"],
    ['latency.sigma <= 1us', "'stddev'"],
    ['latency.jitter <= 1us', "'max - min'"],
    ['latency.p99_9 <= 1us', "'p99.9'"],
    ['p999 <= 1us', "'p99.9'"],
    ['percentile(99.9) <= 1us', "'p99.9'"],
    ['p99,9 <= 20us', "'p99.9'"],
    ['99.9% <= 20us', "'p99.9'"],
    ['99th <= 20us', "'p99'"],
    ['20us >= max', 'the statistic stands first'],
    ['over <= 1', undefined],
    ['max ≤ 20us', "'<='"],
    ['max =< 20us', "'<='"],
    ['max = 20us', "'=='"],
    ['max <= 20usec', "'us'"],
    ['max <= 20 microseconds', "'us'"],
    ['duration >= 5minutes', "'min'"],
    ['throughput >= 10Gbps', "'Gbit/s'"],
    ['count >= 1e6', 'write it out: 1000000'],
    ['max <= 1.5e3us', 'write it out: 1500'],
    ['max <= 2e-5s', 'write it out: 0.00002'],
    ['max <= 2e-9s', 'larger or smaller unit'],
    ['count >= 1,000,000', 'write 1000000'],
    ['count >= 1_000', 'write 1000'],
    ['share_over(20us) <= 0,1%', 'write 0.1'],
    ['share_over(20us) <= .1%', 'write 0.1'],
    ['max - mean <= 5us', "write 'max - min'"],
    ['latency.max - irq.min <= 5us', "write 'max - min'"],
    ['max{cpu=1} - min{cpu=2} <= 5us', "write 'max - min'"],
    ['max[cpu=3] <= 20us', 'braces'],
    ['max(cpu=3) <= 20us', 'braces'],
    ['max@cpu3 <= 20us', 'braces'],
    ['max{cpu:3} <= 20us', '{cpu=3}'],
    ['max{} <= 20us', '{cpu=3}'],
    ['max{3} <= 20us', '{cpu=3}'],
    ['max{cpu=3 <= 20us', '{cpu=3}'],
  ] as const)
    it(`names what was meant by '${text}'`, () => {
      const parsed = parseSla(text);
      if (parsed.ok) expect.fail('it was taken');
      expect(parsed.offset).to.be.at.most(text.length);
      if (hint !== undefined) expect(`${parsed.message} ${parsed.hint ?? ''}`).to.contain(hint);
    });

  it('takes fractions of what is counted where it is an average', () => {
    const declared: MetricDeclaration[] = [{ name: 'burst', kind: 'histogram', unit: 'packets', description: '' }];
    for (const text of ['mean <= 22.5packets', 'burst.stddev <= 0.5'])
      expect(whyNot(sla(text), declared)).to.equal(undefined);
    for (const text of ['max <= 22.5packets', 'p50 <= 0.5'])
      expect(whyNot(sla(text), declared)).to.contain('no whole number');
  });

  it('refuses a share of more than all samples, which would always be met', () => {
    const declared: MetricDeclaration[] = [{ name: 'latency', kind: 'histogram', unit: 'ns', description: '' }];
    for (const text of ['share_over(5us) <= 150%', 'share_over(5us) <= 100.01%', 'share_over(5us) <= 1.5']) {
      expect(whyNot(sla(text), declared)).to.contain('is more than all of the samples');
      expect(judged(text, latency('0', 1)).verdict).to.equal('no-data');
    }
    for (const text of ['share_over(5us) <= 100%', 'share_over(5us) <= 1'])
      expect([whyNot(sla(text), declared), judged(text, latency('0', 9)).verdict]).to.deep.equal([undefined, 'pass']);
  });

  it('takes least and greatest over all label sets, and a deviation of two samples', () => {
    const parts = [latency('0', 10, 12), latency('1', 20, 90)];
    expect(judged('min >= 10us', ...parts)).to.include({ observed: 10_000, verdict: 'pass' });
    expect(judged('max - min <= 80us', ...parts)).to.include({ observed: 80_000, verdict: 'pass' });
    expect(judged('stddev <= 2us', latency('0', 10, 12)).observed).to.be.closeTo(1000 * Math.SQRT2, 1e-9);
  });

  it('has no data where a counter is a histogram too', () => {
    const counter: Metric = { kind: 'counter', name: 'latency', unit: 'ns', labels: {}, value: 5 };
    expect(judged('latency <= 5us', counter, latency('0', 1))).to.include({
      verdict: 'no-data',
      reason: 'a histogram has no single value',
    });
    expect(judged('latency.max <= 5us', counter, latency('0', 1)).verdict).to.equal('no-data');
  });

  it('tells scientific notation as what it is', () => {
    const parsed = parseSla('count >= 1e6');
    expect(parsed).to.include({ ok: false, message: "'1e6' is scientific notation", offset: 9 });
  });

  it('refuses a number with more digits than it could keep', () => {
    expect(parseSla('share_over(5us) <= 0.123456789012345%').ok).to.equal(true);
    const parsed = parseSla('share_over(5us) <= 0.1234567890123456%');
    expect(parsed).to.include({ ok: false, offset: 19 });
    expect(parseSla('p99.12345678901234 <= 5us')).to.include({ ok: false, offset: 0 });
    expect(parseSla(`max <= ${'9'.repeat(400)}us`).ok).to.equal(false);
  });

  it('hints from a check too: what is no metric may be a word for a statistic', () => {
    const declared: MetricDeclaration[] = [{ name: 'latency', kind: 'histogram', unit: 'ns', description: '' }];
    expect(whyNot(sla('maximum <= 5us'), declared)).to.contain("did you mean 'max'?");
    expect(whyNot(sla('jitter <= 5us'), declared)).to.contain("did you mean 'max - min'?");
    expect(whyNot(sla('P99 <= 5us'), declared)).to.contain("did you mean 'p99'?");
    expect(whyNot(sla('avgs <= 5us'), declared)).to.contain("did you mean 'avg'?");
  });
});

describe('labels of SLAs', () => {
  const all = [latency('0', 10, 11), latency('2', 20), latency('3', 30), latency('12', 5)];

  for (const [text, observed] of [
    ['max{cpu=3} <= 1s', 30_000],
    ['max{cpu=2-3} <= 1s', 30_000],
    ['max { cpu = 0, 2 } <= 1s', 20_000],
    ['latency.max{cpu=0-0,12} <= 1s', 11_000],
    ['max{cpu="12"} <= 1s', 5000],
    ["max{thread='t2'} <= 1s", 20_000],
    ['max{cpu=0,2,thread=t0,t2} <= 1s', 20_000],
    ['count{cpu=0} >= 1', 2],
    ['over(10us){cpu=0} <= 5', 1],
    ['max{cpu=0} - min{cpu=0} <= 1s', 1000],
    ['max{cpu=0} - min <= 1s', undefined],
  ] as const)
    it(`reads '${text}'`, () => {
      if (observed === undefined) expect(parseSla(text).ok).to.equal(true);
      else expect(judged(text, ...all)).to.include({ observed, verdict: 'pass' });
    });

  it('fails on the CPU that is meant and no other', () => {
    expect(judged('max{cpu=3} <= 20us', ...all).verdict).to.equal('fail');
    expect(judged('max{cpu=2} <= 20us', ...all).verdict).to.equal('pass');
  });

  it('has no data where one of them was not measured', () => {
    expect(judged('max{cpu=2-4} <= 1s', ...all)).to.deep.include({
      verdict: 'no-data',
      observed: undefined,
      reason: "'latency' was not measured with cpu=4",
    });
    expect(judged('max{socket=0} <= 1s', ...all).verdict).to.equal('no-data');
    // Each is there, but not together.
    expect(judged('max{cpu=0,thread=t2} <= 1s', ...all).verdict).to.equal('no-data');
  });

  it('selects counters and gauges as well', () => {
    const lost = (port: string, value: number): Metric => ({
      kind: 'counter',
      name: 'lost',
      unit: 'packets',
      labels: { port },
      value,
    });
    expect(judged('lost{port=eth0} <= 3', lost('eth0', 3), lost('eth1', 9))).to.include({
      observed: 3,
      verdict: 'pass',
    });
    expect(judged('lost <= 3', lost('eth0', 3), lost('eth1', 9))).to.include({ observed: 12, verdict: 'fail' });
  });

  it('refuses a range that is none, or too long', () => {
    for (const text of ['max{cpu=3-2} <= 1s', 'max{cpu=0-10000} <= 1s'])
      expect(parseSla(text)).to.include({ ok: false, offset: 4 });
    expect(parseSla('max{cpu=0-9999} <= 1s').ok).to.equal(true);
  });

  it('are checked against those that the scenario declares', () => {
    const declared: MetricDeclaration[] = [
      { name: 'latency', kind: 'histogram', unit: 'ns', description: '', labels: { cpu: ['2', '3'], thread: 'any' } },
    ];
    const check = (text: string) => whyNot(sla(text), declared);
    expect([check('max{cpu=2-3} <= 1s'), check('max{thread=7} <= 1s')]).to.deep.equal([undefined, undefined]);
    expect(check('max{cpu=4} <= 1s')).to.equal("'latency' is not measured with cpu=4: it is with cpu=2,3");
    expect(check('max{cpus=2} <= 1s')).to.contain("did you mean 'cpu'?");
    expect(check('max{socket=2} <= 1s')).to.contain('it has cpu, thread');
  });
});

describe('bounds in SLAs', () => {
  // 9,500 of 10,000 in its bins, the others above 90 us, the greatest 1.5 ms.
  const bounded = histogram([...Array.from({ length: 5000 }, () => 20), ...Array.from({ length: 4500 }, () => 40)]);
  bounded.addOverflow(500, { above: 90_000, max: 1_500_000, sum: 61_400_000 });
  const measurement: Measurement = {
    metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram: bounded }],
    duration: 1e9,
  };
  const of = (text: string): Judgement => judge(sla(text), measurement);

  it('judge the worse end, and say so where that decides', () => {
    expect(of('over(1ms) <= 1')).to.deep.equal({
      expression: 'over(1ms) <= 1',
      observed: 500,
      bounds: { low: 1, high: 500 },
      unit: 'count',
      verdict: 'fail',
      reason: '1 to 500 observed: of samples beyond the bins no more is known, so the worst of that is judged',
    });
    expect(of('over(1ms) <= 0').reason).to.equal('1 to 500 observed');
    expect(of('over(1ms) <= 499').reason).to.contain('the worst of that');
    expect(of('over(1ms) <= 500')).to.include({ verdict: 'pass', observed: 500 });
    expect(of('over(1ms) < 500').verdict).to.equal('fail');
    expect(of('over(1ms) >= 1')).to.include({ verdict: 'pass', observed: 1 });
    expect(of('over(1ms) >= 2')).to.include({ verdict: 'fail', observed: 1 });
    expect(of('over(1ms) > 1').verdict).to.equal('fail');
    expect(of('over(1ms) == 500')).to.include({ verdict: 'fail', observed: 1 });
    expect(of('over(1ms) == 1')).to.include({ verdict: 'fail', observed: 500 });
    expect(of('over(1ms) == 501').reason).to.equal('1 to 500 observed');
  });

  it('are those of shares and percentiles, and of nothing that is known', () => {
    expect(of('share_over(1ms) <= 5%')).to.deep.include({ verdict: 'pass', bounds: { low: 0.0001, high: 0.05 } });
    expect(of('p99 <= 1ms')).to.deep.include({ verdict: 'fail', bounds: { low: 90_000, high: 1_500_000 } });
    expect(of('p99 <= 1ms').reason).to.contain('90us to 1.5ms observed');
    for (const text of ['over(89.999us) <= 500', 'p95 <= 40us', 'max <= 1.5ms', 'mean <= 34.14us', 'min >= 20us'])
      expect([text, of(text).verdict, of(text).bounds]).to.deep.equal([text, 'pass', undefined]);
    expect(of('mean < 34.14us').verdict).to.equal('fail');
  });

  it('hold for a min that no tool told', () => {
    const above = new Histogram();
    above.addOverflow(5, { above: 1_000_000, max: 3_800_000, sum: 13_000_000 });
    above.setExtremes(undefined, 3_800_000);
    const unknown: Measurement = {
      metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram: above }],
      duration: 1e9,
    };
    const bounds = { low: 1_000_000, high: 3_800_000 };
    expect(judge(sla('min <= 1ms'), unknown)).to.deep.include({ verdict: 'fail', bounds });
    expect(judge(sla('min >= 1ms'), unknown)).to.deep.include({ verdict: 'pass', bounds });
    expect(judge(sla('mean <= 2.6ms'), unknown)).to.include({ verdict: 'pass', observed: 2_600_000 });
    expect(judge(sla('max - min <= 1ms'), unknown)).to.deep.include({
      verdict: 'fail',
      bounds: { low: 0, high: 2_800_000 },
    });
  });
});
