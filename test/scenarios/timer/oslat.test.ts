import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../../lib/error.js';
import type { Metric } from '../../../lib/measure/measurement.js';
import { oslatArgv } from '../../../scenarios/timer/oslat/argv.js';
import { oslatOptions } from '../../../scenarios/timer/oslat/options.js';
import { parseOslat, parseOslatBreach } from '../../../scenarios/timer/oslat/parse.js';
import { fixture } from './fixture.js';

const options = (input: Record<string, unknown> = {}) => oslatOptions.parse({ tool: 'oslat', ...input });
const histogramOf = (metric: Metric | undefined) => {
  if (metric?.kind !== 'histogram') throw new Error('no histogram');
  return metric.histogram;
};

/** Columns of a row of the text that oslat prints, which its JSON is not made from. */
const column = (stdout: string, row: string): number[] =>
  (stdout.split('\n').find((line) => line.trim().startsWith(`${row}:`)) ?? '')
    .split(':')[1]
    ?.match(/\d+(\.\d+)?/g)
    ?.map(Number) ?? [];

const rowSums = (stdout: string): number[] => {
  const rows = [...stdout.matchAll(/^ +\d+ \(us\):\t([ \d]+)/gm)].map(([, cells = '']) =>
    cells.trim().split(/ +/).map(Number),
  );
  return (rows[0] ?? []).map((_, index) => rows.reduce((sum, row) => sum + (row[index] ?? NaN), 0));
};

describe('oslat', () => {
  it('builds its command', () => {
    expect(oslatArgv(options(), '1').join(' ')).to.equal('oslat -c 1 -D 60 -b 32 --json=oslat.json');
    const all = options({
      duration: '2m',
      priority: 5,
      buckets: 100,
      main_cpu: 0,
      workload: 'memmove',
      workload_memory: '1MiB',
      trace_threshold: '20us',
      bias: true,
      single_preheat: true,
    });
    expect(oslatArgv(all, '2-3').join(' ')).to.equal(
      'oslat -c 2-3 -D 120 -b 100 -f 5 -C 0 -w memmove -m 1024K -T 20 -B -s --json=oslat.json',
    );
  });

  it('refuses memory without a workload, and too few buckets', () => {
    expect(oslatOptions.safeParse({ tool: 'oslat', workload_memory: '1MiB' }).success).to.equal(false);
    expect(oslatOptions.safeParse({ tool: 'oslat', buckets: 4 }).success).to.equal(false);
  });

  for (const [name, input] of [
    ['overflow', { buckets: 8 }],
    ['wide', { buckets: 1024 }],
    ['bias', { buckets: 16, bias: true }],
  ] as const)
    it(`conserves count, min and max of every thread: ${name}`, () => {
      const stdout = fixture(`oslat/oslat-2.4-${name}.stdout`);
      const { metrics } = parseOslat(fixture(`oslat/oslat-2.4-${name}.json`), stdout, options(input));
      expect(metrics.map(({ labels }) => Number(labels['cpu']))).to.deep.equal(column(stdout, 'Core'));
      expect(metrics.map((metric) => histogramOf(metric).count)).to.deep.equal(rowSums(stdout));
      expect(metrics.map((metric) => (histogramOf(metric).min ?? NaN) / 1000)).to.deep.equal(column(stdout, 'Minimum'));
      expect(metrics.map((metric) => (histogramOf(metric).max ?? NaN) / 1000)).to.deep.equal(column(stdout, 'Maximum'));
      for (const metric of metrics) {
        const histogram = histogramOf(metric);
        const [group] = histogram.overflow;
        expect(group?.max).to.equal(histogram.max);
        expect(histogram.countOver(group?.above ?? NaN)).to.equal(group?.count);
      }
    });

  it('says which interruption stopped it, and gives nothing but that', () => {
    const stderr = fixture('oslat/oslat-2.4-threshold.stderr');
    const stopped = parseOslatBreach(stderr);
    expect(stopped?.breach).to.equal('CPU 0 was interrupted for 3 us, not less than the 3 us of trace_threshold');
    expect(stopped?.metrics.map((metric) => histogramOf(metric).count)).to.deep.equal([1]);
    expect(histogramOf(stopped?.metrics[0]).max).to.equal(3000);
    expect(parseOslatBreach('oslat: something else')).to.equal(undefined);
  });

  it('never throws anything but a Kvm4nfvError and never counts what was not counted, however its text is damaged', () => {
    const text = fixture('oslat/oslat-2.4-overflow.json');
    fc.assert(
      fc.property(fc.nat(10_000), fc.nat(30), fc.string({ maxLength: 12 }), (at, cut, put) => {
        const start = at % text.length;
        const damaged = text.slice(0, start) + put + text.slice(start + cut);
        try {
          const counted = parseOslat(damaged, '', options({ buckets: 8 })).metrics.reduce(
            (sum, metric) => sum + histogramOf(metric).count,
            0,
          );
          const written = (JSON.parse(damaged) as { thread: Record<string, { histogram: Record<string, number> }> })
            .thread;
          const samples = Object.values(written).flatMap(({ histogram }) => Object.values(histogram));
          expect(counted).to.equal(samples.reduce((sum, count) => sum + count, 0));
        } catch (error) {
          if (!Kvm4nfvError.is(error)) throw error;
          expect(error.fault).to.equal('tool');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
