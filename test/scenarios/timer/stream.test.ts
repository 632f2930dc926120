import { Readable } from 'node:stream';
import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../../lib/error.js';
import { Histogram } from '../../../lib/measure/histogram.js';
import { cyclictestArgv } from '../../../scenarios/timer/cyclictest/argv.js';
import { cyclictestOptions } from '../../../scenarios/timer/cyclictest/options.js';
import { parseCyclictest } from '../../../scenarios/timer/cyclictest/parse.js';
import { readSamples } from '../../../scenarios/timer/cyclictest/samples.js';
import { withSamples } from '../../../scenarios/timer/cyclictest/stream.js';
import { unwritten } from '../../../scenarios/timer/cyclictest/unwritten.js';
import { rejection } from '../../support/rejection.js';
import { fixture } from './fixture.js';

interface Report {
  readonly thread: Readonly<Record<string, { readonly cycles: number; readonly min: number; readonly max: number }>>;
}

const asked = (input: Record<string, unknown>) => {
  const options = cyclictestOptions.parse({ cpus: '0-1', break: 'none', ...input });
  return { ...options, stream: options.stream ?? 0 };
};
const inMicroseconds = asked({ duration: '1s', histogram: '60us', stream: '100ms' });
const inNanoseconds = asked({ loops: 150, interval: '2ms', histogram: '500ns', nanoseconds: true, stream: '70ms' });

const stdoutOf = (name: string): string => fixture(`cyclictest/cyclictest-2.4-${name}.stdout`);
const jsonOf = (name: string): string => fixture(`cyclictest/cyclictest-2.4-${name}.json`);
const chunksOf = (text: string, length = 1000): Readable =>
  Readable.from(text.match(new RegExp(`[^]{1,${String(length)}}`, 'g')) ?? [], { objectMode: true }).map(
    (part: string) => Buffer.from(part),
  );
const read = async (options: ReturnType<typeof asked>, stdout: string, json: string) =>
  withSamples(parseCyclictest(json, options), await readSamples(chunksOf(stdout), options), options);

/** The samples of a thread as they are written, in ns. */
const linesOf = (stdout: string, thread: string, unit: number): number[] =>
  [...stdout.matchAll(/^ *(\d+): *\d+: *(\d+)$/gm)]
    .filter(([, number]) => number === thread)
    .map(([, , value]) => Number(value) * unit);

describe('cyclictest stream', () => {
  it('asks for the samples', () => {
    const options = cyclictestOptions.parse({ stream: '1s' });
    expect(cyclictestArgv(options, { cpus: '1', threads: 1 }).join(' ')).to.equal(
      'cyclictest -a 1 -b 1000 -i 1000 -p 99 -l 1000 -t 1 -h 10000 -m -q -v --json=cyclictest.json',
    );
  });

  for (const [why, input] of Object.entries({
    'samples with a count of SMIs in them': { stream: '1s', smi: true },
    'an interval without a wake-up': { stream: '100us' },
    'an interval of no length': { stream: '0s' },
    'a million intervals': { stream: '1ms', duration: '1000s' },
  }))
    it(`refuses ${why}`, () => {
      expect(cyclictestOptions.safeParse(input).success).to.equal(false);
    });

  for (const [name, options, unit] of [
    ['stream', inMicroseconds, 1000],
    ['stream-nanoseconds', inNanoseconds, 1],
  ] as const)
    it(`gives every sample of ${name} to one interval and has the count, min and max of the tool`, async () => {
      const stdout = stdoutOf(name);
      const { thread: threads } = JSON.parse(jsonOf(name)) as Report;
      const { metrics, intervals } = await read(options, stdout, jsonOf(name));
      expect(metrics).to.have.length(2);
      for (const { labels, histogram } of metrics) {
        const report = threads[labels['thread'] ?? ''];
        expect(histogram.count).to.equal(report?.cycles);
        expect([histogram.min, histogram.max]).to.deep.equal([
          (report?.min ?? NaN) * unit,
          (report?.max ?? NaN) * unit,
        ]);
        const own = intervals.filter((interval) => interval.labels['thread'] === labels['thread']);
        const written = linesOf(stdout, labels['thread'] ?? '', unit);
        const perInterval = options.stream / options.interval;
        for (const [index, interval] of own.slice(0, -1).entries()) {
          const values = written.slice(index * perInterval, (index + 1) * perInterval);
          const { count, sum, min, max, overflow } = interval.histogram;
          expect({ count, sum, min, max, overflow }).to.deep.equal({
            count: perInterval,
            sum: values.reduce((so, value) => so + value, 0),
            min: Math.min(...values),
            max: Math.max(...values),
            overflow: [],
          });
          expect([interval.start, interval.end]).to.deep.equal([index * options.stream, (index + 1) * options.stream]);
        }
        expect(own.at(-1)?.end).to.equal(histogram.count * options.interval);
        const merged = own.reduce(
          (all, interval) => all.merge(interval.histogram),
          new Histogram({ resolution: unit }),
        );
        expect(merged.count).to.equal(histogram.count);
        expect([...merged.bins()]).to.deep.equal([...histogram.bins()]);
      }
      const starts = intervals.map(({ start }) => start);
      expect(starts).to.deep.equal(starts.toSorted((a, b) => a - b));
    });

  it('does not mind where the bytes are cut', async () => {
    const stdout = stdoutOf('stream-nanoseconds');
    const whole = await readSamples(chunksOf(stdout, stdout.length), inNanoseconds);
    for (const length of [1, 7, 13, 4096])
      expect(await readSamples(chunksOf(stdout, length), inNanoseconds)).to.deep.equal(whole);
  });

  it('is refused at every line after which it may be cut off', async () => {
    const lines = stdoutOf('stream-nanoseconds').split('\n');
    const end = lines.indexOf('# Histogram');
    for (let length = 0; length <= end; length += 10) {
      const error = await rejection(readSamples(chunksOf(lines.slice(0, length).join('\n')), inNanoseconds));
      expect(Kvm4nfvError.is(error) && error.message).to.contain('cut off');
    }
  });

  it('is refused where a line is lost, twice there, or from another run', async () => {
    const stdout = stdoutOf('stream');
    const lines = stdout.split('\n');
    const at = lines.findIndex((line) => /^ *0: *400:/.test(line));
    const line = lines[at] ?? '';
    const damaged: Record<string, string> = {
      'are not in its output': lines.toSpliced(at, 1).join('\n'),
      'in its output twice': lines.toSpliced(at, 0, line).join('\n'),
      'not those that it counted': lines.with(at, line.replace(/\d+$/, '59')).join('\n'),
      'ns, and': lines.with(at, line.replace(/\d+$/, '99999')).join('\n'),
    };
    for (const [message, text] of Object.entries(damaged)) {
      const error = await rejection(read(inMicroseconds, text, jsonOf('stream')));
      expect(Kvm4nfvError.is(error) && error.fault, message).to.equal('tool');
      expect(Kvm4nfvError.is(error) && error.message).to.contain(message);
    }
  });

  it('takes what was not written from the bins of the tool, whatever was written', () => {
    const limit = 50_000;
    const values = fc.array(fc.oneof(fc.nat(60), fc.nat(100_000)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(values, fc.nat(60), (all, cut) => {
        const sorted = all.toSorted((a, b) => a - b).map((value) => value * 1000);
        const overflow = sorted.filter((value) => value >= limit);
        const tool = new Histogram({ resolution: 1000 });
        for (const value of sorted) if (value < limit) tool.record(value);
        const [min = 0, max = 0] = [sorted[0], sorted.at(-1)];
        tool.addOverflow(overflow.length, { above: limit, max, sum: overflow.reduce((sum, value) => sum + value, 0) });
        tool.setExtremes(min, max);
        const written = new Histogram({ resolution: 1000 });
        for (const value of all.slice(0, cut)) written.record(value * 1000);
        const rest = unwritten({ who: 'test', tool, written, limit });
        const left = all.slice(cut).map((value) => value * 1000);
        expect(rest.count).to.equal(left.length);
        expect(rest.sum).to.be.closeTo(
          left.reduce((sum, value) => sum + value, 0),
          1,
        );
        expect(rest.countOver(limit - 1)).to.equal(left.filter((value) => value >= limit).length);
        const bins = new Histogram({ resolution: 1000 });
        for (const value of left) if (value < limit) bins.record(value);
        expect([...rest.bins()].filter(({ to }) => to < limit)).to.deep.equal([...bins.bins()]);
      }),
    );
  });
});
