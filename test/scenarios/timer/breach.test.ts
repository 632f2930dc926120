import { expect } from 'chai';
import { Kvm4nfvError } from '../../../lib/error.js';
import { Histogram } from '../../../lib/measure/histogram.js';
import { cyclictestOptions } from '../../../scenarios/timer/cyclictest/options.js';
import { parseCyclictest } from '../../../scenarios/timer/cyclictest/parse.js';
import { oslatOptions } from '../../../scenarios/timer/oslat/options.js';
import { parseOslat, parseOslatBreach } from '../../../scenarios/timer/oslat/parse.js';
import { timerlatOptions } from '../../../scenarios/timer/timerlat/options.js';
import { parseTimerlat } from '../../../scenarios/timer/timerlat/parse.js';
import { fixture } from './fixture.js';
import { verdictOf } from './verdict.js';

describe('kind D: why it stopped is decided by numbers', () => {
  const timerlat = (name: string, input: Record<string, unknown>) =>
    parseTimerlat(fixture(`rtla/${name}`), timerlatOptions.parse({ tool: 'timerlat', ...input }));
  const lastSecond = 'rtla-6.12-timerlat-hist-stop-thread-hit-in-last-second.stdout';

  it('sees a stop in the last second, of which rtla says nothing', () => {
    const input = { tool: 'timerlat', cpus: '2-3', duration: '60s', stop_thread: '50us' };
    const parsed = timerlat(lastSecond, input);
    expect(parsed.breach).to.equal(
      'CPU 3 had a latency of 311 us (thread), not less than the 50 us of stop_thread, which ends the trial',
    );
    const { verdict, reasons } = verdictOf(input, parsed, ['p50 <= 10s', 'max <= 10s']);
    expect(verdict).to.equal('fail');
    expect(reasons[0]).to.contain('311 us');
  });

  for (const [input, broken] of [
    [{ stop_thread: '311us' }, true],
    [{ stop_thread: '312us' }, false],
    [{ auto: '300us' }, true],
    // The latency at the IRQ was below 1 us.
    [{ stop_irq: '50us' }, false],
    [{}, false],
  ] as const)
    it(`holds the limit of each latency against it: ${JSON.stringify(input)}`, () => {
      expect(timerlat(lastSecond, input).breach !== undefined).to.equal(broken);
    });

  it('takes the word of rtla for a stop whose latency is not in its table', () => {
    const name = 'rtla-6.8-timerlat-hist-auto-analysis.stdout';
    expect(timerlat(name, { stop_thread: '500us' }).breach).to.contain('is not in its table');
    expect(timerlat(name, { stop_thread: '70us' }).breach).to.contain('74 us (thread)');
    expect(timerlat(name, {}).breach).to.equal(undefined);
  });

  it('is a breach where oslat gives a result with an interruption of trace_threshold', () => {
    const text = fixture('oslat/oslat-2.8-min-0-every-real-result.json');
    const breachAt = (threshold: string): string | undefined =>
      parseOslat(text, '', oslatOptions.parse({ tool: 'oslat', trace_threshold: threshold })).breach;
    expect(breachAt('22672us')).to.contain('CPU 1 was interrupted for 22672 us');
    expect(breachAt('22673us')).to.equal(undefined);
  });

  it('fails on a breach though percentiles have too few samples then', () => {
    const histogram = new Histogram({ resolution: 1000 });
    histogram.record(120_000);
    const input = { tool: 'cyclictest', cpus: 1, duration: '20s', break: '100us' };
    const { verdict, reasons, sla } = verdictOf(
      input,
      {
        metrics: [{ kind: 'histogram', name: 'latency', unit: 'ns', labels: { thread: '0' }, histogram }],
        breach: 'thread 0 had a latency of 120 us',
        duration: 4e6,
      },
      ['p99.99 <= 20us', 'max <= 50us'],
    );
    expect(verdict).to.equal('fail');
    expect(sla.map((one) => one.verdict)).to.deep.equal(['no-data', 'fail']);
    expect(reasons[0]).to.equal('thread 0 had a latency of 120 us');
  });
});

describe('kind C: what other versions write', () => {
  it('reads the -nan of a thread that had not woken when another broke the limit, and fails with the breach', () => {
    const input = { tool: 'cyclictest', cpus: 'all', duration: '20s', break: '100us', histogram: '50us' };
    const parsed = parseCyclictest(
      fixture('cyclictest/cyclictest-2.4-break-before-other-thread-ran-nan.json'),
      cyclictestOptions.parse(input),
    );
    expect(parsed.breach).to.contain('thread 1 had a latency of 520 us, above the 100 us of break');
    expect(parsed.metrics.map(({ histogram }) => histogram.max)).to.deep.equal([undefined, 520_000]);
    expect(verdictOf(input, parsed, ['max <= 10s', 'p99 <= 20us']).verdict).to.equal('fail');
  });

  it('takes a mean that is no number for an error where there are samples', () => {
    const text = fixture('cyclictest/cyclictest-2.4-break-before-other-thread-ran-nan.json').replace('520.00', 'nan');
    expect(() => parseCyclictest(text, cyclictestOptions.parse({ histogram: '50us', break: '100us' }))).to.throw(
      Kvm4nfvError,
      'a mean that is no number',
    );
  });

  it('reads an oslat that rounds down, whose first bin begins at 0, and says so', () => {
    const { metrics, rounding } = parseOslat(
      fixture('oslat/oslat-2.8-min-0-every-real-result.json'),
      '',
      oslatOptions.parse({ tool: 'oslat', duration: '1s' }),
    );
    const [metric] = metrics;
    if (metric?.kind !== 'histogram') throw new Error('no histogram');
    expect([metric.histogram.min, metric.histogram.max]).to.deep.equal([0, 22_672_000]);
    expect(metric.histogram.overflow).to.deep.equal([{ count: 1129, above: 32_000, max: 22_672_000 }]);
    expect(rounding).to.contain('up to 1 us more');
  });

  for (const [version, newer, min, max, good] of [
    ['2.40', false, 1, 3, true],
    ['2.40', false, 1, 1, false],
    ['2.70', false, 0, 2, true],
    ['2.70', false, 1, 3, false],
    // 2.1 and 2.10 both say 2.10.
    ['2.10', false, 1, 3, true],
    ['2.10', true, 1, 3, false],
  ] as const)
    it(`holds min ${String(min)} and max ${String(max)} against the bins as oslat ${version}${newer ? ' with --bucket-width' : ''} rounds: ${good ? 'good' : 'bad'}`, () => {
      const text = JSON.stringify({
        file_version: 1,
        'rt_test_version:': version,
        num_threads: 1,
        thread: { 0: { cpu: 1, min, avg: 2, max, duration: 1, histogram: { 1: 10, 3: 10 } } },
      });
      const parse = () => parseOslat(text, '', oslatOptions.parse({ tool: 'oslat', buckets: 8 }), newer);
      if (good) expect(parse().metrics).to.have.length(1);
      else expect(parse).to.throw(Kvm4nfvError, 'bin ends at');
    });

  it('reads a threshold of oslat 2.3, which names no CPU, and one with a fraction', () => {
    const stderr = fixture('oslat/oslat-2.3-threshold.stderr');
    expect(parseOslatBreach(stderr, [1])).to.deep.include({
      breach: 'CPU 1 was interrupted for 38 us, not less than the 5 us of trace_threshold',
    });
    expect(parseOslatBreach(stderr.replace('!\n', '!  '), [1])?.breach).to.contain('CPU 1 was interrupted for 38 us');
    expect(parseOslatBreach(stderr, [1, 2])?.breach).to.match(/^a CPU was interrupted for 38 us/);
    expect(
      parseOslatBreach(stderr.replace('38 us', 'on cpu 2 with 38.250 us').replace('with on', 'on'), [])?.breach,
    ).to.match(/^CPU 2 was interrupted for 38 us/);
  });

  it('knows no minimum where all are above the one it began with', () => {
    const input = { nanoseconds: true, duration: '60s', break: 'none', histogram: '1ms' };
    const text = fixture('cyclictest/cyclictest-2.4-ns-all-above-1ms-min-is-initial.json');
    const [metric] = parseCyclictest(text, cyclictestOptions.parse(input)).metrics;
    expect([metric?.histogram.min, metric?.histogram.max]).to.deep.equal([undefined, 3_800_000]);
    expect(metric?.histogram.count).to.equal(5);
  });

  it('knows no minimum of a column without samples, which rtla 6.1 gives as what it began with', () => {
    const text = `# RTLA timerlat histogram
# Time unit is microseconds (us)
# Duration:   0 00:00:01
Index   IRQ-000   Thr-000   IRQ-001   Thr-001
over:         1         1         1         0 
count:        1         1         1         0 
min:       2363      2433       900 18446744073709551615 
avg:       2363      2433       900         0 
max:       2363      2433       900         0 
rtla timerlat hit stop tracing
`;
    const options = timerlatOptions.parse({ tool: 'timerlat', cpus: '0-1', stop_thread: '1us' });
    const { metrics, breach } = parseTimerlat(text, options);
    expect(breach).to.contain('CPU 0 had a latency of 2433 us (thread)');
    expect(
      metrics.map((metric) => (metric.kind === 'histogram' ? [metric.histogram.count, metric.histogram.min] : [])),
    ).to.deep.equal([
      [1, 2_433_000],
      [0, undefined],
      [1, 2_363_000],
      [1, 900_000],
    ]);
    expect(() => parseTimerlat(text.replace('       900 18446', '18446744073709551615 18446'), options)).to.throw(
      Kvm4nfvError,
    );
  });

  it('keeps ns: all but one at 49.990 us', () => {
    const input = { nanoseconds: true, duration: '60s', break: 'none', histogram: '100us' };
    const [metric] = parseCyclictest(
      fixture('cyclictest/cyclictest-2.4-ns-all-but-one-at-49990ns.json'),
      cyclictestOptions.parse(input),
    ).metrics;
    expect([metric?.histogram.min, metric?.histogram.max]).to.deep.equal([49_990, 51_000]);
  });
});

describe('statistics of a tool that contradict its histogram', () => {
  it('are an error where the clock stepped back', () => {
    const text = fixture('cyclictest/cyclictest-2.4-realtime-clock-stepped-back.json');
    expect(() => parseCyclictest(text, cyclictestOptions.parse({ duration: '60s', break: 'none' }))).to.throw(
      Kvm4nfvError,
      'max -499987000 ns',
    );
  });

  it('are an error where counts wrapped', () => {
    expect(() =>
      parseTimerlat(
        fixture('rtla/rtla-6.1-timerlat-hist-int-wrapped.stdout'),
        timerlatOptions.parse({ tool: 'timerlat' }),
      ),
    ).to.throw(Kvm4nfvError, "row '0'");
  });

  const thread = (fields: Record<string, unknown>): string =>
    JSON.stringify({
      file_version: 1,
      num_threads: 1,
      resolution_in_ns: 0,
      thread: { 0: { histogram: { 5: 100 }, cycles: 100, min: 5, max: 5, avg: 5, cpu: 0, ...fields } },
    });
  const parse = (fields: Record<string, unknown>) => () =>
    parseCyclictest(thread(fields), cyclictestOptions.parse({ loops: 100, break: 'none', histogram: '90us' }));

  for (const [what, fields] of Object.entries({
    'a max above the last bin, and nothing beyond the bins': { max: 900 },
    'a max below the last bin': { max: 4, min: 4 },
    'a max just above it': { max: 6 },
    'a min below the first bin': { min: 4 },
    'a min above it': { min: 6, max: 6 },
    'a mean above all': { avg: 5.02 },
    'a mean below all': { avg: 4.98 },
    'more in the bins than in all': { cycles: 99 },
    'some beyond the bins, and a max within': { cycles: 100, histogram: { 5: 99 } },
  }))
    it(`are an error: ${what}`, () => {
      expect(parse(fields)).to.throw(Kvm4nfvError);
    });

  it('are told with what contradicts what', () => {
    expect(parse({ histogram: { 5: 99 } })).to.throw(Kvm4nfvError, '1 samples are beyond the bins, but max is 5000 ns');
  });

  it('are none where all is as it should be', () => {
    expect(parse({})().metrics).to.have.length(1);
    expect(parse({ avg: 5.01 })().metrics).to.have.length(1);
  });

  const table = (rows: string): string =>
    `# RTLA timerlat histogram\n# Time unit is microseconds (us)\n# Duration:   0 00:01:00\nIndex   IRQ-002   Thr-002\n${rows}`;
  const sound = `0         60000         0 \n2             0     60000 \nover:         0         0 \ncount:    60000     60000 \nmin:          0         2 \navg:          0         2 \nmax:          0         2 \nALL:        IRQ       Thr\ncount:    60000     60000 \nmin:          0         2 \navg:          0         2 \nmax:          0         2 \n`;
  const options = timerlatOptions.parse({ tool: 'timerlat' });

  for (const [what, change] of Object.entries({
    'a mean of rtla': (rows: string) => rows.replace('avg:          0         2', 'avg:          0         9'),
    'a mean of rtla below its bins': (rows: string) =>
      rows.replace('avg:          0         2', 'avg:          0         0'),
    'a max of rtla': (rows: string) => rows.replace('max:          0         2', 'max:          0        80'),
    'a count of all CPUs': (rows: string) => rows.replace(/(ALL:.*\ncount:) {4}60000/, '$1    60001'),
    'a max of all CPUs': (rows: string) => rows.replace(/max: {10}0 {9}2 \n$/, 'max:          0         3 \n'),
  }))
    it(`are an error: ${what}`, () => {
      expect(parseTimerlat(table(sound), options).metrics).to.have.length(2);
      expect(change(sound)).to.not.equal(sound);
      expect(() => parseTimerlat(table(change(sound)), options)).to.throw(Kvm4nfvError);
    });
});
