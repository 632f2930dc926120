import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../lib/error.js';
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

describe('Histogram', () => {
  it('has nothing to tell when it is empty', () => {
    const { count, min, max, mean } = new Histogram();
    expect({ count, min, max, mean }).to.deep.equal({ count: 0, min: undefined, max: undefined, mean: undefined });
    expect(new Histogram().percentile(50)).to.equal(undefined);
    expect(new Histogram().supports(50)).to.equal(false);
    expect(new Histogram().countOver(0)).to.equal(0);
  });

  it('keeps count, min, max and sum exact, which HDR alone would round', () => {
    fc.assert(
      fc.property(samples(3600e9), (values) => {
        const histogram = histogramOf(values);
        expect(histogram.count).to.equal(values.length);
        expect(histogram.min).to.equal(Math.min(...values));
        expect(histogram.max).to.equal(Math.max(...values));
        expect(histogram.sum).to.equal(values.reduce((sum, value) => sum + value, 0));
      }),
    );
  });

  it('gives a percentile that is never less than the true one, and at most a thousandth more', () => {
    fc.assert(
      fc.property(samples(1e9), fc.constantFrom(...percentiles), (values, p) => {
        const truth = exact(values, p);
        const found = histogramOf(values).percentile(p) ?? NaN;
        expect(found)
          .to.be.at.least(truth)
          .and.at.most(Math.max(truth + 1, truth * 1.001));
      }),
    );
  });

  it('gives whole us back exactly up to 2 ms, where HDR in ns would mix 1049 us and 1050 us', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(2000), { minLength: 1, maxLength: 300 }),
        fc.constantFrom(...percentiles),
        fc.nat(2000),
        (us, p, limit) => {
          const histogram = histogramOf(
            us.map((value) => value * 1000),
            1000,
          );
          expect(histogram.percentile(p)).to.equal(exact(us, p) * 1000);
          expect(histogram.countOver(limit * 1000)).to.equal(us.filter((value) => value > limit).length);
        },
      ),
    );
  });

  it('merges as if all had been recorded in one, whatever the resolutions', () => {
    fc.assert(
      fc.property(samples(2e6), samples(2000), (ns, us) => {
        const merged = histogramOf(ns).merge(
          histogramOf(
            us.map((value) => value * 1000),
            1000,
          ),
        );
        const together = histogramOf([...ns, ...us.map((value) => value * 1000)]);
        expect(merged.encode()).to.deep.equal(together.encode());
        const reverse = histogramOf(
          us.map((value) => value * 1000),
          1000,
        ).merge(histogramOf(ns));
        expect(reverse.encode()).to.deep.equal(together.encode());
      }),
    );
  });

  it('leaves the other alone when merging, and a clone is its own', () => {
    const first = histogramOf([1, 2]);
    const copy = first.clone();
    copy.merge(histogramOf([3]));
    expect([first.count, copy.count]).to.deep.equal([2, 3]);
  });

  it('comes back from JSON as it was, percentiles included', () => {
    const overflow = fc.option(
      fc.record({ count: fc.integer({ min: 1, max: 1e6 }), above: fc.nat(1e6), more: fc.nat(1e6) }),
      { nil: undefined },
    );
    fc.assert(
      fc.property(
        fc.array(fc.nat(1e7), { maxLength: 100 }),
        fc.constantFrom(1, 1000),
        overflow,
        (values, resolution, over) => {
          const histogram = histogramOf(
            values.map((value) => value * resolution).filter((value) => value < 3600e9),
            resolution,
          );
          if (over !== undefined) histogram.addOverflow(over.count, { above: over.above, max: over.above + over.more });
          const back = Histogram.decode(
            JSON.parse(JSON.stringify(histogram.encode())) as ReturnType<Histogram['encode']>,
          );
          expect(back.encode()).to.deep.equal(histogram.encode());
          for (const p of percentiles) expect(back.percentile(p)).to.equal(histogram.percentile(p));
        },
      ),
    );
  });

  it('counts more than 32 bits hold: a day of oslat', () => {
    const histogram = new Histogram({ resolution: 1000 });
    const day = 17e6 * 86_400;
    histogram.record(1000, day);
    histogram.record(35_000);
    expect(histogram.count).to.equal(day + 1);
    expect(histogram.percentile(99.99)).to.equal(1000);
    expect(Histogram.decode(histogram.encode()).count).to.equal(day + 1);
    expect(histogram.merge(histogram.clone()).count).to.equal(2 * day + 2);
  });

  it('gives the exact max for a percentile that falls into the overflow', () => {
    const histogram = histogramOf(
      Array.from({ length: 90 }, () => 10_000),
      1000,
    );
    histogram.addOverflow(10, { above: 90_000, max: 1_234_567_000 });
    expect(histogram.percentile(90)).to.equal(10_000);
    expect(histogram.percentile(90.1)).to.equal(1_234_567_000);
    expect([histogram.count, histogram.max]).to.deep.equal([100, 1_234_567_000]);
    expect(histogram.countOver(50_000)).to.equal(10);
    // It may be that all ten are above 1 s: they are counted.
    expect(histogram.countOver(1_000_000_000)).to.equal(10);
    expect(histogram.countOver(1_234_567_000)).to.equal(0);
  });

  it('never gives less than the truth after merging overflow of different ranges', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(samples(500), fc.integer({ min: 1, max: 400 })), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(...percentiles),
        (threads, p) => {
          const merged = new Histogram({ resolution: 1000 });
          for (const [values, limit] of threads) {
            const one = new Histogram({ resolution: 1000 });
            for (const value of values) if (value < limit) one.record(value * 1000);
            const over = values.filter((value) => value >= limit);
            one.addOverflow(over.length, { above: limit * 1000, max: Math.max(limit, ...values) * 1000 });
            merged.merge(one);
          }
          const all = threads.flatMap(([values]) => values);
          expect(merged.count).to.equal(all.length);
          expect(merged.percentile(p)).to.be.at.least(exact(all, p) * 1000);
          expect(merged.max).to.equal(Math.max(...all) * 1000);
        },
      ),
    );
  });

  it('supports a percentile with ten samples above it', () => {
    const histogram = new Histogram();
    histogram.record(5, 99_999);
    expect([histogram.supports(99.99), histogram.supports(99.9)]).to.deep.equal([false, true]);
    histogram.record(5);
    expect(histogram.supports(99.99)).to.equal(true);
    for (const [count, supported] of [
      [9999, false],
      [10_000, true],
    ] as const) {
      const exactly = new Histogram();
      exactly.record(5, count);
      expect([count, exactly.supports(99.9)]).to.deep.equal([count, supported]);
    }
  });

  for (const value of [-1, 1.5, NaN, 2 ** 53, Infinity])
    it(`refuses ${String(value)}`, () => {
      expect(() => {
        new Histogram().record(value);
      }).to.throw(Kvm4nfvError);
    });

  it('refuses counts that are none', () => {
    for (const count of [-1, 0.5, NaN, 2 ** 53])
      expect(() => {
        new Histogram().record(1, count);
      }).to.throw(Kvm4nfvError, 'is no count');
  });

  it('refuses a payload that is none, or that has lost samples', () => {
    const encoded = histogramOf([1, 2, 3]).encode();
    expect(() => Histogram.decode({ ...encoded, payload: 'HISTFnonsense' })).to.throw(
      Kvm4nfvError,
      'no encoded histogram',
    );
    expect(() => Histogram.decode({ ...encoded, count: 4 })).to.throw(Kvm4nfvError, '4 announced');
  });

  it('keeps the 1 ns bins of a tool as they are, in JSON too', () => {
    const histogram = new Histogram();
    histogram.record(49_990, 99_999);
    histogram.record(51_000);
    for (const one of [histogram, Histogram.decode(histogram.encode()), new Histogram().merge(histogram)]) {
      expect(one.percentileBounds(99)).to.deep.equal({ low: 49_990, high: 49_990 });
      expect(one.overBounds(50_000)).to.deep.equal({ low: 1, high: 1 });
      expect(one.overBounds(49_989)).to.deep.equal({ low: 100_000, high: 100_000 });
      expect([...one.bins()]).to.deep.equal([
        { from: 49_990, to: 49_990, count: 99_999 },
        { from: 51_000, to: 51_000, count: 1 },
      ]);
    }
  });

  it('still has a payload that HDR readers read, and needs no second one where that is exact', () => {
    const [fine, coarse] = [histogramOf([2000, 2047]), histogramOf([2000, 2048])];
    expect([fine.encode().bins, typeof coarse.encode().bins]).to.deep.equal([undefined, 'string']);
    const { bins, ...withoutBins } = coarse.encode();
    expect(bins).to.be.a('string');
    expect(Histogram.decode(withoutBins).count).to.equal(2);
    const us = histogramOf([16_777_000, 1000], 1000);
    expect(us.encode().bins).to.equal(undefined);
    expect([...Histogram.decode(us.encode()).bins()].map(({ to }) => to)).to.deep.equal([1000, 16_777_000]);
    expect(histogramOf([16_778_000], 1000).encode().bins).to.be.a('string');
  });

  it('refuses bins that are none', () => {
    const encoded = histogramOf([5000]).encode();
    expect(() => Histogram.decode({ ...encoded, bins: 'nonsense' })).to.throw(Kvm4nfvError, "can't be unpacked");
    for (const line of ['5', '5 0', '-5 1', '5.5 1', 'x 1'])
      expect(() => Histogram.decode({ ...encoded, bins: deflateSync(`${line}\n`).toString('base64') })).to.throw(
        Kvm4nfvError,
        'is no bin',
      );
  });

  it('counts 100 percent and ranks at their exact edges', () => {
    const histogram = histogramOf(Array.from({ length: 1000 }, (_, index) => index + 1));
    expect(histogram.percentile(99.9)).to.equal(999);
    expect(histogram.percentile(99.90001)).to.equal(1000);
    expect(histogram.percentile(0.1)).to.equal(1);
    expect(histogram.percentile(0.10001)).to.equal(2);
    expect(histogram.percentile(100)).to.equal(1000);
  });

  it('keeps values of hours and of other units: 2^53 at most', () => {
    const histogram = histogramOf([7200e9, Number.MAX_SAFE_INTEGER]);
    for (const one of [histogram, Histogram.decode(histogram.encode())])
      expect([one.min, one.max, one.percentile(50)]).to.deep.equal([7200e9, Number.MAX_SAFE_INTEGER, 7200e9]);
  });

  it('takes little memory: 300 threads of us below 2 ms in less than 8 MiB of counts', () => {
    const before = process.memoryUsage().arrayBuffers;
    const all = Array.from({ length: 300 }, () => histogramOf([3000, 1_999_000], 1000));
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(8 * 2 ** 20);
    expect(all).to.have.length(300);
  });
});
