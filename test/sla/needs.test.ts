import { expect } from 'chai';
import type { MetricDeclaration } from '../../lib/measure/measurement.js';
import { checkSla } from '../../lib/sla/check.js';
import { inUnit, misfit } from '../../lib/sla/limit.js';
import { judge, parseSla, type Sla } from '../../lib/sla/sla.js';
import { isWorse } from '../../lib/sla/worse.js';

describe('what an SLA needs', () => {
  const gauge: MetricDeclaration = { name: 'loss', kind: 'gauge', unit: '%', description: '' };
  const sizes: MetricDeclaration = { name: 'size', kind: 'histogram', unit: 'B', description: '' };
  const sla = (text: string): Sla => {
    const parsed = parseSla(text);
    if (!parsed.ok) throw new Error(`${text}: ${parsed.message}`);
    return parsed.sla;
  };

  it('is a histogram for a statistic, and nothing for a duration', () => {
    expect(checkSla(sla('duration >= 1s'), [])).to.equal(undefined);
    expect(checkSla(sla('max <= 5us'), [gauge])).to.deep.equal({
      message: "no histogram is measured that 'max <= 5us' could mean: the scenario measures loss (gauge)",
    });
    expect(checkSla(sla('max <= 1.5B'), [sizes])?.message).to.equal('1.5B is no whole number of B');
    expect(checkSla(sla('max <= 1kB'), [sizes])).to.equal(undefined);
  });

  it('is told with some of many labels', () => {
    const cpus = (most: number): MetricDeclaration => ({
      ...sizes,
      labels: { cpu: Array.from({ length: most }, (_, index) => String(index)) },
    });
    const first = '0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15';
    const of = (most: number): unknown => checkSla(sla('max{cpu=99} <= 1kB'), [cpus(most)])?.message;
    expect(of(16)).to.equal(`'size' is not measured with cpu=99: it is with cpu=${first}`);
    expect(of(17)).to.equal(`'size' is not measured with cpu=99: it is with cpu=${first} ...`);
  });

  it('is a duration that is a number', () => {
    const judged = (duration: number) => judge(sla('duration >= 10s'), { metrics: [], duration });
    expect(judged(NaN)).to.include({ verdict: 'no-data', reason: 'no duration' });
    expect(judged(10e9)).to.include({ verdict: 'pass', unit: 'ns', observed: 10e9 });
  });

  it('is some histogram where none is named', () => {
    expect(judge(sla('max <= 1us'), { metrics: [], duration: 1 })).to.include({
      verdict: 'no-data',
      reason: 'no histogram was measured',
    });
  });

  it('keeps words that only look like ranges', () => {
    expect([sla('max{if=a2-5} <= 1kB').labels, sla('max{if=2-5a} <= 1kB').labels]).to.deep.equal([
      { if: ['a2-5'] },
      { if: ['2-5a'] },
    ]);
  });
});

describe('a limit', () => {
  it('is in the unit of what it limits, or says why not', () => {
    expect(inUnit({ value: 0, unit: '' }, 'ns')).to.deep.include({ numerator: 0n });
    expect(inUnit({ value: 1, unit: '' }, 'ns')).to.equal(undefined);
    expect(inUnit({ value: 0, unit: '%' }, 'ns')).to.equal(undefined);
    expect(inUnit({ value: 1, unit: 'toString' }, 'ns')).to.equal(undefined);
    expect(misfit({ value: 1.5, unit: 'ns' }, 'ns')).to.equal('1.5ns is no whole number of ns');
    expect(misfit({ value: 5, unit: '' }, 'ns')).to.match(/^5 has no unit: expected ns, us/);
    expect(misfit({ value: 5, unit: 'B' }, 'count')).to.match(/^5B has the wrong unit: expected none/);
    expect(misfit({ value: 2, unit: '' }, 'ratio')).to.equal(
      '2 is more than all of the samples: expected at most 1, or 100%',
    );
    expect(misfit({ value: 2, unit: 'us' }, 'ratio')).to.match(/^2us has the wrong unit: expected/);
  });

  it('is no whole number where it is larger than any that is kept exactly', () => {
    const safe = Number.MAX_SAFE_INTEGER;
    expect(inUnit({ value: safe, unit: 'ns' }, 'ns')).to.not.equal(undefined);
    expect(inUnit({ value: 10 ** 15, unit: 's' }, 'ns')).to.equal(undefined);
    expect(inUnit({ value: 10 ** 15, unit: 's' }, 'ns', true)).to.not.equal(undefined);
  });
});

describe('the worse of two trials', () => {
  const outcome = (expression: string, observed: number | null, verdict: 'pass' | 'fail' | 'no-data' = 'fail') => ({
    expression,
    observed,
    unit: 'ns',
    verdict,
  });

  it('is that with the worse verdict, whatever was observed', () => {
    expect(isWorse(outcome('max <= 1us', 1, 'fail'), outcome('max <= 1us', 9, 'pass'))).to.equal(true);
    expect(isWorse(outcome('max <= 1us', 9, 'pass'), outcome('max <= 1us', 1, 'fail'))).to.equal(false);
    expect(isWorse(outcome('max <= 1us', null, 'no-data'), outcome('max <= 1us', 9, 'fail'))).to.equal(true);
  });

  for (const [expression, worse, better] of [
    ['max <= 1us', 9, 8],
    ['max < 1us', 9, 8],
    ['min >= 1us', 8, 9],
    ['min > 1us', 8, 9],
    ['max == 1us', 990, 1009],
    ['max == 1us', 1011, 990],
    ['mean == 1.5ns', 2.25, 1],
  ] as const)
    it(`is that further from ${expression}: ${String(worse)}, not ${String(better)}`, () => {
      const [one, other] = [worse, better].map((observed) => outcome(expression, observed));
      if (one === undefined || other === undefined) throw new Error('two outcomes');
      expect([isWorse(one, other), isWorse(other, one)]).to.deep.equal([true, false]);
    });

  it('is neither where they are alike, or nothing was observed, or the expression is none', () => {
    expect(isWorse(outcome('max <= 1us', 9), outcome('max <= 1us', 9))).to.equal(false);
    expect(isWorse(outcome('max <= 1us', null), outcome('max <= 1us', 9))).to.equal(false);
    expect(isWorse(outcome('max <= 1us', 9), outcome('max <= 1us', null))).to.equal(false);
    expect(isWorse(outcome('what', 9), outcome('what', 8))).to.equal(false);
  });
});
