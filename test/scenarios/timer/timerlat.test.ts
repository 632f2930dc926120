import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../../lib/error.js';
import type { Metric } from '../../../lib/measure/measurement.js';
import { optionsIn, timerlatArgv } from '../../../scenarios/timer/timerlat/argv.js';
import { timerlatOptions } from '../../../scenarios/timer/timerlat/options.js';
import { parseTimerlat } from '../../../scenarios/timer/timerlat/parse.js';
import { fixture } from './fixture.js';

const options = (input: Record<string, unknown> = {}) => timerlatOptions.parse({ tool: 'timerlat', ...input });
const histogramOf = (metric: Metric | undefined) => {
  if (metric?.kind !== 'histogram') throw new Error('no histogram');
  return metric.histogram;
};
const summary = (metrics: readonly Metric[]) =>
  metrics.map((metric) => {
    const { count, min, max } = histogramOf(metric);
    return [`${metric.name}-${metric.labels['cpu'] ?? ''}`, count, (min ?? NaN) / 1000, (max ?? NaN) / 1000];
  });

describe('rtla timerlat', () => {
  const known = optionsIn(fixture('rtla/rtla-6.1-timerlat-hist-help.txt'));
  const old = (option: string): boolean => known.has(option);

  it('builds its command from what the rtla of the machine knows', () => {
    expect(timerlatArgv(options(), { cpus: '1', has: old }).join(' ')).to.equal(
      'rtla timerlat hist -c 1 -d 60 -p 1000 -b 1 -E 256',
    );
    expect(timerlatArgv(options(), { cpus: '1', has: () => true }).join(' ')).to.equal(
      'rtla timerlat hist -c 1 -d 60 -p 1000 -b 1 -E 256 --no-aa -k',
    );
    const all = options({
      duration: '5s',
      priority: 90,
      nanoseconds: true,
      stop_irq: '30us',
      stop_thread: '60us',
      stack: '50us',
      dma_latency: '0us',
      auto_analysis: true,
      user_threads: true,
      warm_up: '2s',
      house_keeping: 0,
    });
    expect(timerlatArgv(all, { cpus: '1', houseKeeping: '0', has: () => true }).join(' ')).to.equal(
      'rtla timerlat hist -c 1 -d 5 -p 1000 -b 1 -E 256 -P f:90 -n -i 30 -T 60 -s 50 --dma-latency 0 -u -H 0 --warm-up 2',
    );
  });

  it('refuses what the rtla of the machine lacks, before anything runs', () => {
    expect(() => timerlatArgv(options({ warm_up: '1s' }), { cpus: '1', has: old })).to.throw(Kvm4nfvError, '--warm-up');
  });

  it('conserves the table of the 6.1 manual', () => {
    const { metrics } = parseTimerlat(fixture('rtla/rtla-6.1-timerlat-hist-from-manual.stdout'), options());
    expect(summary(metrics)).to.deep.equal([
      ['thread-0', 600002, 1, 36],
      ['thread-1', 600002, 1, 58],
      ['thread-2', 600002, 1, 44],
      ['thread-3', 600002, 1, 46],
      ['thread-4', 600002, 1, 50],
      ['irq-0', 600002, 0, 16],
      ['irq-1', 600002, 0, 15],
      ['irq-2', 600002, 0, 24],
      ['irq-3', 600002, 0, 21],
      ['irq-4', 600002, 0, 13],
    ]);
  });

  it('reads threads in user space, wide bins and overflow, and leaves the sum over all CPUs out', () => {
    const { metrics, breach } = parseTimerlat(
      fixture('rtla/rtla-6.17-timerlat-hist-derived-user-over.stdout'),
      options({ bucket: 2, entries: 10, user_threads: true }),
    );
    expect(breach).to.equal(undefined);
    expect(summary(metrics)).to.deep.equal([
      ['thread-1', 2000, 2, 31],
      ['thread-3', 1999, 2, 7],
      ['irq-1', 2000, 0, 24],
      ['irq-3', 1999, 0, 3],
      ['user-1', 2000, 4, 40],
      ['user-3', 1998, 3, 6],
    ]);
    expect(histogramOf(metrics[0]).overflow).to.deep.equal([{ count: 2, above: 20_000, max: 31_000 }]);
    // A bin of two counts as its greater value, but never above the max.
    expect(histogramOf(metrics[1]).percentile(50)).to.equal(3000);
    expect(histogramOf(metrics[5]).percentile(100)).to.equal(6000);
  });

  it('tells of a breach', () => {
    const { metrics, breach } = parseTimerlat(
      fixture('rtla/rtla-6.17-timerlat-hist-derived-stopped.stdout'),
      options({ nanoseconds: true, bucket: 1000, entries: 10, stop_thread: '20us' }),
    );
    expect(breach).to.contain('20 us');
    expect(metrics.map((metric) => histogramOf(metric).count)).to.deep.equal([11, 12]);
  });

  it('never throws anything but a Kvm4nfvError and never counts what was not counted, however its text is damaged', () => {
    const text = fixture('rtla/rtla-6.17-timerlat-hist-derived-user-over.stdout');
    const asked = options({ bucket: 2, entries: 10, user_threads: true });
    fc.assert(
      fc.property(fc.nat(2000), fc.nat(40), fc.string({ maxLength: 12 }), (at, cut, put) => {
        const start = at % text.length;
        const damaged = text.slice(0, start) + put + text.slice(start + cut);
        try {
          const counts = (/^[ \t]*count:(.*)$/m.exec(damaged)?.[1] ?? '').trim().split(/\s+/).map(Number);
          const counted = parseTimerlat(damaged, asked).metrics.reduce(
            (sum, metric) => sum + histogramOf(metric).count,
            0,
          );
          expect(counted).to.equal(counts.reduce((sum, count) => sum + count, 0));
        } catch (error) {
          if (!Kvm4nfvError.is(error)) throw error;
          expect(error.fault).to.equal('tool');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('is refused where it was cut off', () => {
    const text = fixture('rtla/rtla-6.1-timerlat-hist-from-manual.stdout').trimEnd();
    for (let length = 0; length < text.length - 1; length += 7)
      expect(() => parseTimerlat(text.slice(0, length), options()), String(length)).to.throw(Kvm4nfvError);
  });
});
