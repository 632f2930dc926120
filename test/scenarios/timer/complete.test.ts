import { expect } from 'chai';
import fc from 'fast-check';
import { shortfalls } from '../../../lib/measure/completeness.js';
import { Histogram } from '../../../lib/measure/histogram.js';
import type { Measurement, Metric } from '../../../lib/measure/measurement.js';
import { complete } from '../../../scenarios/timer/cyclictest/completeness.js';
import { cyclictestOptions } from '../../../scenarios/timer/cyclictest/options.js';
import { parseCyclictest } from '../../../scenarios/timer/cyclictest/parse.js';
import { oslatOptions } from '../../../scenarios/timer/oslat/options.js';
import { parseOslat } from '../../../scenarios/timer/oslat/parse.js';
import { timerlatOptions } from '../../../scenarios/timer/timerlat/options.js';
import { parseTimerlat, timerlatExpected } from '../../../scenarios/timer/timerlat/parse.js';
import { readWarnings } from '../../../scenarios/timer/warnings.js';
import { fixture } from './fixture.js';
import { verdictOf } from './verdict.js';

const latency = (cpu: number, count: number): Metric => {
  const histogram = new Histogram({ resolution: 1000 });
  histogram.record(5000, count);
  return { kind: 'histogram', name: 'latency', unit: 'ns', labels: { cpu: String(cpu) }, histogram };
};

describe('kind A: complete or no data', () => {
  const measured = (
    counts: readonly (readonly [number, number])[],
    asked: readonly number[],
    rest: Partial<Measurement> = {},
  ) =>
    shortfalls({
      metrics: counts.map(([cpu, count]) => latency(cpu, count)),
      duration: 60e9,
      expected: asked.map((cpu) => ({ metric: 'latency', labels: { cpu: String(cpu) }, samples: 60_000 })),
      ...rest,
    });

  it('names a CPU that is not there', () => {
    expect(measured([[2, 60_000]], [2, 3])).to.deep.equal(['latency (cpu 3) was asked for and not measured']);
  });

  it('has its boundary at 98 %', () => {
    expect(measured([[2, 58_800]], [2])).to.deep.equal([]);
    expect(measured([[2, 58_799]], [2])).to.deep.equal(['latency (cpu 2) has 58799 of 60000 samples']);
  });

  it('lets two samples of a few be missing, and more where the scenario says so', () => {
    const few = (count: number, spare?: number): readonly string[] =>
      measured([[2, count]], [], {
        expected: [{ metric: 'latency', labels: { cpu: '2' }, samples: 50, ...(spare === undefined ? {} : { spare }) }],
      });
    expect(few(48)).to.deep.equal([]);
    expect(few(47)).to.have.length(1);
    expect(few(40, 10)).to.deep.equal([]);
    expect(few(39, 10)).to.have.length(1);
  });

  it('says nothing after a breach, which ends the trial', () => {
    expect(measured([[2, 5]], [2, 3], { breach: 'too late' })).to.deep.equal([]);
  });

  it('never lets less than 98 % pass, whatever was asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 1e9 }), fc.double({ min: 0, max: 1, noNaN: true }), (samples, part) => {
        const count = Math.max(1, Math.floor(samples * part));
        const said = shortfalls({
          metrics: [latency(1, count)],
          duration: 1,
          expected: [{ metric: 'latency', labels: {}, samples }],
        });
        expect(said.length === 0).to.equal(count >= samples * 0.98);
      }),
    );
  });
});

describe('kind A in cyclictest', () => {
  const judged = (name: string, input: Record<string, unknown>, cpus: readonly number[], threads = cpus.length) => {
    const options = cyclictestOptions.parse(input);
    const whole = complete(parseCyclictest(fixture(`cyclictest/${name}`), options), options, { cpus, threads });
    return { ...whole, ...verdictOf({ tool: 'cyclictest', ...input }, whole, ['max <= 500ms', 'p99 <= 50ms']) };
  };

  it('has no data where a FIFO hog starved CPU 1 from the third second on', () => {
    const input = { cpus: '0-1', duration: '6s', break: 'none', histogram: '20ms' };
    const { verdict, reasons, metrics } = judged('cyclictest-2.4-real-cpu1-starved-2510-of-6000.json', input, [0, 1]);
    expect(verdict).to.equal('no-data');
    expect(reasons[0]).to.match(/^latency \(thread 1, cpu 1\) has 2511 of 6000 samples$/);
    // Its last wait was never over: it took at least as long as what is missing.
    const [group] = metrics[1]?.histogram.overflow ?? [];
    expect(group?.above).to.be.within(3.4e9, 3.49e9);
    expect(reasons.join()).to.contain('max <= 500ms');
  });

  it('has no data where a CPU starved until the end', () => {
    const input = { cpus: '2-3', duration: '60s', break: 'none', histogram: '20us' };
    const { verdict, reasons } = judged('cyclictest-2.4-cpu3-starved-until-end.json', input, [2, 3]);
    expect(verdict).to.equal('no-data');
    expect(reasons[0]).to.equal('latency (thread 1, cpu 3) has 4902 of 60000 samples');
  });

  for (const name of ['cyclictest-2.8-thread-never-ran-avg-nan.json', 'cyclictest-thread-never-ran-avg-0.json'])
    it(`has no data where a thread never ran: ${name}`, () => {
      const { verdict, reasons } = judged(name, { cpus: '2-3', duration: '60s', break: 'none' }, [2, 3]);
      expect(verdict).to.equal('no-data');
      expect(reasons).to.include('latency has no samples (thread 1, cpu 3)');
    });

  it('has no data where two threads of four came back', () => {
    const input = { cpus: '2-5', duration: '60s', break: 'none', histogram: '20us' };
    const { verdict, reasons } = judged('cyclictest-2.4-cpu3-starved-until-end.json', input, [2, 3, 4, 5]);
    expect(verdict).to.equal('no-data');
    expect(reasons).to.include('latency (thread 2, cpu 4) was asked for and not measured');
  });

  it('has no data where a thread measured another CPU than asked', () => {
    const input = { cpus: '2,7', duration: '60s', break: 'none', histogram: '20us' };
    const { reasons } = judged('cyclictest-2.4-cpu3-starved-until-end.json', input, [2, 7]);
    expect(reasons).to.include('latency (thread 1, cpu 7) was asked for and not measured');
  });

  it('is complete after its loops where the others were late, and not where one never woke again', () => {
    const threads = (late: Record<string, number>, cycles: number) =>
      JSON.stringify({
        file_version: 1,
        num_threads: 2,
        resolution_in_ns: 0,
        thread: {
          0: { histogram: { 5: 6000 }, cycles: 6000, min: 5, max: 5, avg: 5, cpu: 0 },
          1: {
            histogram: late,
            cycles,
            min: 5,
            max: Math.max(...Object.keys(late).map(Number)),
            avg:
              Math.round(
                (Object.entries(late).reduce((sum, [value, count]) => sum + Number(value) * count, 0) / cycles) * 100,
              ) / 100,
            cpu: 1,
          },
        },
      });
    const options = cyclictestOptions.parse({ cpus: '0-1', loops: 6000, break: 'none', histogram: '100ms' });
    const said = (text: string) =>
      shortfalls({
        duration: 6e9,
        ...complete(parseCyclictest(text, options), options, { cpus: [0, 1], threads: 2 }),
      });
    expect(said(threads({ 5: 5450, 10_000: 50 }, 5500))).to.deep.equal([]);
    expect(said(threads({ 5: 2510 }, 2510))).to.deep.equal(['latency (thread 1, cpu 1) has 2511 of 6000 samples']);
  });

  it('keeps all of 866 threads on CPUs up to 1298', () => {
    const text = fixture('cyclictest/cyclictest-2.4-866-threads-cpus-to-1298.json');
    const { thread } = JSON.parse(text) as { thread: Record<string, { cpu: number }> };
    const cpus = Object.values(thread).map(({ cpu }) => cpu);
    const options = cyclictestOptions.parse({ cpus: 'all', loops: 100, break: 'none', histogram: '10us' });
    const whole = complete(parseCyclictest(text, options), options, { cpus, threads: cpus.length });
    expect(whole.metrics).to.have.length(866);
    expect(shortfalls({ duration: 1, ...whole })).to.deep.equal([]);
  });

  it('counts cycles beyond 32 bits', () => {
    const options = cyclictestOptions.parse({ duration: '100h', interval: '42us', break: 'none', histogram: '20us' });
    const parsed = parseCyclictest(fixture('cyclictest/cyclictest-2.4-cycles-beyond-32-bits.json'), options);
    const whole = complete(parsed, options, { cpus: [1], threads: 1 });
    expect(whole.metrics.map(({ histogram }) => histogram.count)).to.deep.equal([8_590_057_456]);
    expect(shortfalls({ duration: 1, ...whole })).to.deep.equal([]);
  });
});

describe('kind A in oslat and rtla', () => {
  it('names a CPU that oslat dropped, and asks for no number of loops', () => {
    const parsed = parseOslat(
      fixture('oslat/oslat-2.8-min-0-every-real-result.json'),
      '',
      oslatOptions.parse({ tool: 'oslat', cpus: '1-2', duration: '1s' }),
    );
    const expected = [1, 2].map((cpu) => ({ metric: 'latency', labels: { cpu: String(cpu) } }));
    expect(shortfalls({ ...parsed, expected })).to.deep.equal(['latency (cpu 2) was asked for and not measured']);
  });

  const timerlat = (name: string, input: Record<string, unknown>, cpus: readonly number[]) => {
    const options = timerlatOptions.parse({ tool: 'timerlat', ...input });
    const stdout = fixture(`rtla/${name}`);
    return verdictOf(
      { tool: 'timerlat', ...input },
      {
        ...parseTimerlat(stdout, options),
        expected: timerlatExpected(options, cpus),
        doubts: readWarnings('rtla', stdout).doubts,
      },
    );
  };

  for (const [name, cpus, reason] of [
    ['rtla-6.12-timerlat-hist-cpu3-without-samples.stdout', [2, 3], 'thread (cpu 3) was asked for and not measured'],
    ['rtla-6.1-timerlat-hist-half-of-the-samples.stdout', [2], 'thread (cpu 2) has 31000 of 60000 samples'],
    ['rtla-6.15-timerlat-hist-events-missed.stdout', [2, 3], 'thread (cpu 2) has 22000 of 60000 samples'],
    [
      'rtla-6.15-timerlat-hist-events-missed.stdout',
      [2, 3],
      'rtla: 77500 (64.58%) events missed, results might not be accurate',
    ],
    ['rtla-6.6-timerlat-hist-irq-only.stdout', [2], 'thread has no samples (cpu 2)'],
  ] as const)
    it(`has no data in ${name}: ${reason}`, () => {
      const { verdict, reasons } = timerlat(name, { cpus: cpus.join(','), duration: '60s' }, cpus);
      expect(verdict).to.equal('no-data');
      expect(reasons).to.include(reason);
    });

  it('passes where all is there, on CPU 1023 too', () => {
    const { verdict, reasons } = timerlat('rtla-6.12-timerlat-hist-cpu-1023.stdout', { cpus: '1023' }, [1023]);
    expect(verdict, reasons.join()).to.equal('pass');
  });
});
