import { expect } from 'chai';
import fc from 'fast-check';
import { Histogram } from '../../lib/measure/histogram.js';
import type { Measurement } from '../../lib/measure/measurement.js';
import { judge, parseSla, type Judgement } from '../../lib/sla/sla.js';

/** What a tool says of one thread: samples by value, and some beyond its bins of which only these limits are known. */
interface Raw {
  readonly unit: 1 | 1000;
  readonly bins: readonly (readonly [value: number, count: number])[];
  readonly beyond: { readonly count: number; readonly above: number; readonly max: number } | undefined;
}

/** Numerator and denominator. */
type Fraction = readonly [bigint, bigint];

const fraction = (text: string): Fraction => {
  const [whole = '', decimals = ''] = text.split('.');
  return [BigInt(whole + decimals), 10n ** BigInt(decimals.length)];
};
const order = (a: Fraction, b: Fraction): number =>
  Number(a[0] * b[1] - b[0] * a[1] > 0n) - Number(a[0] * b[1] - b[0] * a[1] < 0n);

/** Every single sample, as the least or the greatest that it can be, in order. */
const samplesOf = (threads: readonly Raw[], side: 'low' | 'high'): bigint[] =>
  threads
    .flatMap(({ unit, bins, beyond }) => [
      ...bins.flatMap(([value, count]) => Array.from({ length: count }, () => value * unit)),
      ...Array.from(
        { length: beyond?.count ?? 0 },
        (_, index) => (side === 'high' || index === 0 ? (beyond?.max ?? 0) : (beyond?.above ?? 0)) * unit,
      ),
    ])
    .sort((a, b) => a - b)
    .map(BigInt);

type Statistic = (samples: readonly bigint[]) => Fraction | undefined;

const percentile =
  (p: string): Statistic =>
  (samples) => {
    const [n, d] = fraction(p);
    // 10/(1-N) samples at least, and the first that has N of all at or below it.
    if (BigInt(samples.length) * (100n * d - n) < 1000n * d) return undefined;
    const index = samples.findIndex((_, at) => BigInt(at + 1) * 100n * d >= n * BigInt(samples.length));
    return [samples[index] ?? 0n, 1n];
  };
const over =
  (limit: number): Statistic =>
  (samples) => [BigInt(samples.filter((sample) => sample > BigInt(limit)).length), 1n];
const total = (samples: readonly bigint[]): bigint => samples.reduce((sum, sample) => sum + sample, 0n);

const units = { ns: 1n, us: 1000n, ms: 1_000_000n } as const;

const raw = fc
  .record({
    unit: fc.constantFrom(1 as const, 1000 as const),
    bins: fc.uniqueArray(
      fc.tuple(
        fc.nat(60),
        fc.oneof(
          { weight: 5, arbitrary: fc.integer({ min: 1, max: 30 }) },
          { weight: 1, arbitrary: fc.integer({ min: 1, max: 3000 }) },
        ),
      ),
      {
        maxLength: 4,
        selector: ([value]) => value,
      },
    ),
    beyond: fc.option(fc.record({ count: fc.integer({ min: 1, max: 40 }), above: fc.constant(61), more: fc.nat(40) }), {
      nil: undefined,
    }),
  })
  .map(({ beyond, ...rest }): Raw => ({
    ...rest,
    beyond: beyond === undefined ? undefined : { count: beyond.count, above: 61, max: 61 + beyond.more },
  }));

const written = fc.oneof(
  fc.constantFrom('min', 'max', 'count', 'mean', 'max - min', 'p50', 'p90', 'p99', 'p99.9', 'p12.5', 'p33.3', 'p0.1'),
  fc
    .tuple(fc.constantFrom('over', 'share_over'), fc.nat(110), fc.constantFrom('ns', 'us'))
    .map(([name, value, unit]) => `${name}(${String(value)}${unit})`),
);

const statisticOf = (name: string): Statistic => {
  const [, kind = '', value = '0', unit = 'ns'] = /^(\w+)\((\d+)(ns|us)\)$/.exec(name) ?? [];
  const limit = Number(value) * Number(units[unit as 'ns' | 'us']);
  if (kind === 'over') return over(limit);
  if (kind === 'share_over') return (samples) => [over(limit)(samples)?.[0] ?? 0n, BigInt(samples.length)];
  if (name.startsWith('p')) return percentile(name.slice(1));
  const known: Readonly<Record<string, Statistic>> = {
    min: (samples) => [samples[0] ?? 0n, 1n],
    max: (samples) => [samples.at(-1) ?? 0n, 1n],
    count: (samples) => [BigInt(samples.length), 1n],
    mean: (samples) => [total(samples), BigInt(samples.length)],
  };
  return known[name] ?? (() => undefined);
};

/** Low and high end of what a statistic can be. */
const boundsOf = (name: string, threads: readonly Raw[]): readonly [Fraction, Fraction] | undefined => {
  const [lows, highs] = [samplesOf(threads, 'low'), samplesOf(threads, 'high')];
  if (lows.length === 0) return undefined;
  if (name === 'max - min') {
    const max = highs.at(-1) ?? 0n;
    return [
      [max - (highs[0] ?? 0n), 1n],
      [max - (lows[0] ?? 0n), 1n],
    ];
  }
  const [low, high] = [statisticOf(name)(lows), statisticOf(name)(highs)];
  return low === undefined || high === undefined ? undefined : [low, high];
};

const measured = (threads: readonly Raw[], through: (one: Histogram) => Histogram): Measurement => ({
  duration: 1e9,
  metrics: threads.map(({ unit, bins, beyond }, index) => {
    const histogram = new Histogram({ resolution: unit });
    for (const [value, count] of bins) histogram.record(value * unit, count);
    if (beyond !== undefined)
      histogram.addOverflow(beyond.count, { above: beyond.above * unit, max: beyond.max * unit });
    return {
      kind: 'histogram',
      name: 'latency',
      unit: 'ns',
      labels: { cpu: String(index) },
      histogram: through(histogram),
    };
  }),
});

const judged = (expression: string, measurement: Measurement): Judgement => {
  const parsed = parseSla(expression);
  if (!parsed.ok) throw new Error(`${expression}: ${parsed.message}`);
  return judge(parsed.sla, measurement);
};

const isMet = (operator: string, [low, high]: readonly [Fraction, Fraction], limit: Fraction): boolean => {
  if (operator === '<=') return order(high, limit) <= 0;
  if (operator === '<') return order(high, limit) < 0;
  if (operator === '>=') return order(low, limit) >= 0;
  if (operator === '>') return order(low, limit) > 0;
  return order(low, limit) === 0 && order(high, limit) === 0;
};

const throughJson = (one: Histogram): Histogram =>
  Histogram.decode(JSON.parse(JSON.stringify(one.encode())) as ReturnType<Histogram['encode']>);

describe('statistics, recomputed sample by sample', () => {
  it('none differs in 1,000 random histograms and SLAs', function () {
    this.timeout(120_000);
    const operators = fc.constantFrom('<=', '<', '>=', '>', '==');
    const seen = { pass: 0, fail: 0, 'no-data': 0, warn: 0 };
    fc.assert(
      fc.property(
        fc.array(raw, { minLength: 1, maxLength: 3 }),
        written,
        operators,
        fc.nat(3),
        fc.constantFrom((one: Histogram) => one, throughJson),
        (threads, name, operator, shift, through) => {
          const bounds = boundsOf(name, threads);
          const isShare = name.startsWith('share');
          const isTime = !isShare && !name.startsWith('over') && name !== 'count';
          // At its exact limit, and next to it on either side.
          const [n, d] = bounds?.[shift % 2] ?? [5n, 1n];
          const limit: Fraction = isShare
            ? [BigInt(Math.round((Number(n) / Number(d)) * 1000)) * 100n, 100_000n]
            : [n / d + (shift > 1 ? 1n : 0n), 1n];
          const text = isShare
            ? `${String(limit[0] / 1000n)}.${String(limit[0] % 1000n).padStart(3, '0')}%`
            : `${String(limit[0])}${isTime ? 'ns' : ''}`;
          const {
            verdict,
            observed,
            bounds: shown,
          } = judged(`${name} ${operator} ${text}`, measured(threads, through));
          seen[verdict] += 1;
          if (bounds === undefined) {
            expect([verdict, observed]).to.deep.equal(['no-data', undefined]);
            return;
          }
          const [low, high] = bounds.map(([a, b]) => Number(a) / Number(b));
          expect(shown).to.deep.equal(low === high ? undefined : { low, high });
          expect([low, high]).to.include(observed);
          expect(verdict).to.equal(isMet(operator, bounds, limit) ? 'pass' : 'fail');
        },
      ),
      { numRuns: 1000 },
    );
    expect(Math.min(seen.pass, seen.fail, seen['no-data']), JSON.stringify(seen)).to.be.greaterThan(20);
  });

  it('a share at its exact limit meets it, one sample more does not: 49,995 limits', function () {
    this.timeout(60_000);
    // Of 100,000 samples: 0.001% to 99.990%, without binary fractions in between.
    for (let thousandths = 1; thousandths <= 9999; thousandths++)
      for (const factor of [1, 2, 3, 5, 10]) {
        const [over, total] = [thousandths * factor, 10_000 * factor];
        const histogram = new Histogram({ resolution: 1000 });
        histogram.record(1000, total - over);
        histogram.record(9000, over);
        const measurement = measuredOnce(histogram);
        const percent = `${String(Math.floor(thousandths / 100))}.${String(thousandths % 100).padStart(2, '0')}%`;
        if (judged(`share_over(5us) <= ${percent}`, measurement).verdict !== 'pass')
          expect.fail(`${percent} of ${String(total)}`);
        if (factor > 1) continue;
        if (judged(`share_over(5us) < ${percent}`, measurement).verdict !== 'fail') expect.fail(`less than ${percent}`);
        if (judged(`share_over(5us) == ${percent}`, measurement).verdict !== 'pass') expect.fail(`exactly ${percent}`);
      }
  });
});

const measuredOnce = (histogram: Histogram): Measurement => ({
  duration: 1e9,
  metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: {}, histogram }],
});
