import { expect } from 'chai';
import fc from 'fast-check';
import { Histogram } from '../../lib/measure/histogram.js';

/** The value that `p` percent of all do not exceed, by sorting. */
const exact = (values: readonly number[], p: number): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(1, Math.ceil((p / 100) * sorted.length - 1e-9)) - 1] ?? NaN;
};
const histogramOf = (values: readonly number[], resolution = 1): Histogram => {
  const histogram = new Histogram({ resolution });
  for (const value of values) histogram.record(value);
  return histogram;
};
const samples = (most: number) => fc.array(fc.nat(most), { minLength: 1, maxLength: 200 });
const percentiles = [1, 50, 90, 99, 99.9, 100];

describe('bounds of a Histogram', () => {
  it('has bounds where a tool tells no more: min, mean, percentiles and samples over a limit', () => {
    const beyond = new Histogram({ resolution: 1000 });
    beyond.addOverflow(500, { above: 90_000, max: 1_500_000 });
    expect([beyond.min, beyond.minBounds]).to.deep.equal([undefined, { low: 90_000, high: 1_500_000 }]);
    expect([beyond.mean, beyond.sumBounds]).to.deep.equal([
      undefined,
      { low: 499n * 90_000n + 1_500_000n, high: 500n * 1_500_000n },
    ]);
    for (const one of [beyond, Histogram.decode(beyond.encode())]) {
      expect(one.overBounds(1_000_000)).to.deep.equal({ low: 1, high: 500 });
      expect(one.overBounds(89_999)).to.deep.equal({ low: 500, high: 500 });
      expect(one.overBounds(90_000)).to.deep.equal({ low: 1, high: 500 });
      expect(one.overBounds(1_499_999)).to.deep.equal({ low: 1, high: 500 });
      expect(one.overBounds(1_500_000)).to.deep.equal({ low: 0, high: 0 });
      expect(one.percentileBounds(99.8)).to.deep.equal({ low: 90_000, high: 1_500_000 });
      // The greatest of all is known.
      expect(one.percentileBounds(99.81)).to.deep.equal({ low: 1_500_000, high: 1_500_000 });
      expect([one.min, one.mean, one.isExact]).to.deep.equal([undefined, undefined, false]);
    }
    beyond.record(20_000, 10);
    expect([beyond.min, beyond.minBounds]).to.deep.equal([20_000, { low: 20_000, high: 20_000 }]);
  });

  it('knows a single sample beyond the bins, and a min that was told', () => {
    const one = new Histogram();
    one.addOverflow(1, { above: 90_000, max: 95_000 });
    expect([one.mean, one.isExact, one.overBounds(91_000)]).to.deep.equal([95_000, true, { low: 1, high: 1 }]);
    one.addOverflow(5, { above: 90_000, max: 99_000, sum: 470_000 });
    one.setExtremes(92_000, 99_000);
    expect([one.min, one.mean, one.isExact]).to.deep.equal([92_000, 565_000 / 6, false]);
  });

  it('gives bounds that hold the truth, and no bounds where nothing is unknown', () => {
    fc.assert(
      fc.property(
        samples(500),
        samples(900),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 900 }),
        fc.nat(1000),
        fc.constantFrom(...percentiles),
        (first, second, few, many, limit, p) => {
          const merged = new Histogram();
          for (const [values, bins] of [
            [first, few],
            [second, many],
          ] as const) {
            const one = histogramOf(values.filter((value) => value < bins));
            const over = values.filter((value) => value >= bins);
            if (over.length > 0) one.addOverflow(over.length, { above: bins, max: Math.max(...over) });
            merged.merge(one);
          }
          const all = [...first, ...second];
          const holds = (bounds: { low: number; high: number } | undefined, truth: number): void => {
            expect(bounds?.low).to.be.at.most(truth);
            expect(bounds?.high).to.be.at.least(truth);
            if (merged.isExact) expect(bounds).to.deep.equal({ low: truth, high: truth });
          };
          holds(merged.overBounds(limit), all.filter((value) => value > limit).length);
          holds(merged.percentileBounds(p), exact(all, p));
          holds(merged.minBounds, Math.min(...all));
          const sum = all.reduce((total, value) => total + value, 0);
          holds({ low: Number(merged.sumBounds.low), high: Number(merged.sumBounds.high) }, sum);
        },
      ),
    );
  });
});
