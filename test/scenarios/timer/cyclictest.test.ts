import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../../lib/error.js';
import type { Metric } from '../../../lib/measure/measurement.js';
import { cyclictestArgv } from '../../../scenarios/timer/cyclictest/argv.js';
import { cyclictestOptions } from '../../../scenarios/timer/cyclictest/options.js';
import { parseCyclictest } from '../../../scenarios/timer/cyclictest/parse.js';
import { fixture } from './fixture.js';

const options = (input: Record<string, unknown> = {}) => cyclictestOptions.parse(input);
const argv = (input: Record<string, unknown> = {}): string =>
  cyclictestArgv(options(input), { cpus: '1', threads: 1 }).join(' ');
const histogramOf = (metric: Metric | undefined) => {
  if (metric?.kind !== 'histogram') throw new Error('no histogram');
  return metric.histogram;
};

describe('cyclictest', () => {
  describe('command', () => {
    it('is the one of KVM4NFV with its 90 us, less -n and --notrace, which rt-tests 2.4 has no more', () => {
      expect(argv({ histogram: '90us' })).to.equal(
        'cyclictest -a 1 -b 1000 -i 1000 -p 99 -l 1000 -t 1 -h 90 -m -q --json=cyclictest.json',
      );
    });

    it('has bins for 10 ms by default, and for 200 us of 1 ns each', () => {
      expect(argv()).to.contain(' -h 10000 ');
      expect(argv({ nanoseconds: true })).to.contain(' -h 200000 ');
    });

    it('takes every option', () => {
      const all = argv({
        duration: '10s',
        interval: '200us',
        priority: 80,
        policy: 'rr',
        break: 'none',
        mlockall: false,
        histogram: '400us',
        clock: 'realtime',
        aligned: '5us',
        latency: '20us',
        smi: true,
      });
      expect(all).to.equal(
        'cyclictest -a 1 -i 200 -p 80 -D 10 -t 1 -h 400 -q --policy=rr -c 1 --aligned=5 --latency=20 --smi --json=cyclictest.json',
      );
      expect(
        argv({ nanoseconds: true, histogram: '90us', break: '50us', tracemark: true, secaligned: '10us' }),
      ).to.equal(
        'cyclictest -a 1 -b 50000 -i 1000 -p 99 -l 1000 -t 1 -h 90000 -m -q -N --secaligned=10 --tracemark --json=cyclictest.json',
      );
      expect(argv({ policy: 'other', latency: 'system' }))
        .to.contain(' -p 0 ')
        .and.to.contain('--default-system');
    });

    for (const [why, input] of Object.entries({
      'duration and loops': { duration: '1s', loops: 5 },
      'a part of a second': { duration: '1500ms' },
      'a part of a microsecond': { interval: '1500ns' },
      'a bin for each of two million us': { histogram: '2s' },
      'a priority without a real-time policy': { policy: 'batch', priority: 5 },
      'a real-time policy without a priority': { policy: 'rr', priority: 0 },
      'an unknown key': { affinity: 1 },
      'a distance, which cyclictest ignores with a histogram': { distance: '500us' },
    }))
      it(`refuses ${why}`, () => {
        expect(cyclictestOptions.safeParse(input).success).to.equal(false);
      });
  });

  describe('result', () => {
    it('has every thread, every bin, the overflow, and the exact extremes', () => {
      const text = fixture('cyclictest/cyclictest-2.4-threads-overflow.json');
      const { metrics, breach, version } = parseCyclictest(
        text,
        options({ loops: 500, histogram: '25us', cpus: '0-1' }),
      );
      const raw = JSON.parse(text) as {
        thread: Record<
          string,
          { cycles: number; min: number; max: number; avg: number; histogram: Record<string, number> }
        >;
      };
      expect(version).to.equal('2.40');
      expect(breach).to.equal(undefined);
      expect(metrics.map(({ name, labels }) => ({ name, ...labels }))).to.deep.equal([
        { name: 'latency', thread: '0', cpu: '0' },
        { name: 'latency', thread: '1', cpu: '1' },
      ]);
      for (const metric of metrics) {
        const thread = raw.thread[metric.labels['thread'] ?? ''];
        const histogram = histogramOf(metric);
        expect(histogram.count).to.equal(thread?.cycles);
        expect(histogram.min).to.equal((thread?.min ?? NaN) * 1000);
        expect(histogram.max).to.equal((thread?.max ?? NaN) * 1000);
        expect(histogram.mean).to.be.closeTo((thread?.avg ?? NaN) * 1000, 11);
        const bins = Object.entries(thread?.histogram ?? {});
        expect([...histogram.bins()].map(({ to, count }) => [String(to / 1000), count])).to.deep.equal(bins);
        const binned = bins.reduce((sum, [, count]) => sum + count, 0);
        expect(histogram.overflow).to.deep.equal([{ count: 500 - binned, above: 25_000, max: histogram.max }]);
        expect(histogram.countOver(25_000)).to.equal(500 - binned);
      }
    });

    it('keeps the exact min where all samples are overflow', () => {
      const text = fixture('cyclictest/cyclictest-2.4-all-overflow.json');
      const raw = JSON.parse(text) as { thread: Record<string, { min: number; max: number }> };
      const histogram = histogramOf(parseCyclictest(text, options({ loops: 100, histogram: '2us' })).metrics[0]);
      expect(histogram.count).to.equal(100);
      expect([histogram.min, histogram.max]).to.deep.equal([
        (raw.thread['0']?.min ?? NaN) * 1000,
        (raw.thread['0']?.max ?? NaN) * 1000,
      ]);
      expect(histogram.percentile(50)).to.equal(histogram.max);
    });

    it('tells of a breach, and then fewer loops are no error', () => {
      const text = fixture('cyclictest/cyclictest-2.4-break.json');
      const { breach, metrics } = parseCyclictest(text, options({ loops: 2000, break: '15us' }));
      expect(breach).to.match(
        /^thread 0 had a latency of \d+ us, above the 15 us of break, which ends the trial \(break: none lets it go on\)$/,
      );
      expect(histogramOf(metrics[0]).count).to.be.lessThan(2000);
      expect(() => parseCyclictest(text, options({ loops: 2000, break: 'none' }))).to.throw(
        Kvm4nfvError,
        'of 2000 loops: it was stopped',
      );
    });

    it('reads ns, and refuses ns where us were asked for', () => {
      const text = fixture('cyclictest/cyclictest-2.4-nanoseconds.json');
      const { metrics } = parseCyclictest(
        text,
        options({ loops: 200, histogram: '900us', nanoseconds: true, break: 'none' }),
      );
      expect(metrics.map((metric) => histogramOf(metric).count)).to.deep.equal([200, 200]);
      expect(metrics.every((metric) => histogramOf(metric).resolution === 1)).to.equal(true);
      expect(() => parseCyclictest(text, options({ loops: 200, histogram: '900us', break: 'none' }))).to.throw(
        Kvm4nfvError,
        'not in us',
      );
    });

    it('never throws anything but a Kvm4nfvError and never counts what was not counted, however its text is damaged', () => {
      const files = ['threads-overflow', 'break', 'nanoseconds'].map((name) =>
        fixture(`cyclictest/cyclictest-2.4-${name}.json`),
      );
      const asked = options({ loops: 500, histogram: '25us', cpus: '0-1' });
      fc.assert(
        fc.property(
          fc.constantFrom(...files),
          fc.nat(10_000),
          fc.nat(30),
          fc.string({ maxLength: 12 }),
          (text, at, cut, put) => {
            const start = at % text.length;
            const damaged = text.slice(0, start) + put + text.slice(start + cut);
            try {
              for (const metric of parseCyclictest(damaged, asked).metrics) {
                const { thread } = JSON.parse(damaged) as { thread: Record<string, { cycles: number }> };
                expect(histogramOf(metric).count).to.equal(thread[metric.labels['thread'] ?? '']?.cycles);
              }
            } catch (error) {
              if (!Kvm4nfvError.is(error)) throw error;
              expect(error.fault).to.equal('tool');
            }
          },
        ),
        { numRuns: 1000 },
      );
    });

    it('is refused at every place where it may be cut off', () => {
      const text = fixture('cyclictest/cyclictest-2.4-threads-overflow.json').trimEnd();
      for (let length = 0; length < text.length; length++)
        expect(
          () => parseCyclictest(text.slice(0, length), options({ loops: 500, histogram: '25us' })),
          String(length),
        ).to.throw(Kvm4nfvError);
    });
  });
});
