import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../../lib/error.js';
import { shortfalls } from '../../../lib/measure/completeness.js';
import { timer } from '../../../scenarios/timer/index.js';
import { osnoiseArgv } from '../../../scenarios/timer/osnoise/argv.js';
import { osnoiseOptions } from '../../../scenarios/timer/osnoise/options.js';
import { osnoiseExpected, parseOsnoise, silentCpus } from '../../../scenarios/timer/osnoise/parse.js';
import { fixture } from './fixture.js';
import { verdictOf } from './verdict.js';

const options = (input: Record<string, unknown> = {}) =>
  osnoiseOptions.parse({ tool: 'osnoise', entries: 256, ...input });

/** Recorded in a guest with Debian's real-time kernel, under emulation. */
const recorded = (name: string): string => fixture(`rtla/rtla-6.1-osnoise-hist${name}.stdout`);

describe('kind N: rtla osnoise', () => {
  it('builds its command', () => {
    expect(osnoiseArgv(osnoiseOptions.parse({ tool: 'osnoise' }), { cpus: '1' }).join(' ')).to.equal(
      'rtla osnoise hist -c 1 -d 60 -b 1 -E 1000',
    );
    const all = options({
      duration: '5s',
      period: '100ms',
      runtime: '90ms',
      threshold: '2us',
      priority: 3,
      stop: '50us',
      house_keeping: 0,
      warm_up: '2s',
    });
    expect(osnoiseArgv(all, { cpus: '1-2', houseKeeping: '0' }).join(' ')).to.equal(
      'rtla osnoise hist -c 1-2 -d 5 -b 1 -E 256 -p 100000 -r 90000 -T 2 -s 50 -P f:3 -H 0 --warm-up 2',
    );
  });

  for (const input of [
    { auto: '100us', stop: '50us' },
    { auto: '100us', threshold: '5us' },
    { runtime: '2s' },
    { period: '100ms', runtime: '200ms' },
    { runtime: '50us' },
    { bucket: 5 },
  ])
    it(`refuses ${JSON.stringify(input)}`, () => {
      expect(osnoiseOptions.safeParse({ tool: 'osnoise', ...input }).success).to.equal(false);
    });

  for (const [name, entries, counts, extremes] of [
    ['', 256, [1220, 674], [5, 85_238, 5, 103_316]],
    ['-few', 10, [771, 456], [5, 77_054, 5, 110_341]],
    ['-auto', 256, [1_992_104, 2_617_359], [1, 192_916, 1, 204_783]],
  ] as const)
    it(`conserves a recorded table: ${name === '' ? 'plain' : name}`, () => {
      const { metrics } = parseOsnoise(recorded(name), options({ entries }));
      expect(metrics.map(({ name: metric, labels }) => [metric, labels['cpu']])).to.deep.equal([
        ['noise', '0'],
        ['noise', '1'],
      ]);
      expect(metrics.map(({ histogram }) => histogram.count)).to.deep.equal(counts);
      expect(
        metrics.flatMap(({ histogram }) => [(histogram.min ?? NaN) / 1000, (histogram.max ?? NaN) / 1000]),
      ).to.deep.equal(extremes);
    });

  it('sees by the numbers that a noise stopped it', () => {
    expect(parseOsnoise(recorded('-stop'), options({ stop: '200us' })).breach).to.match(
      /^CPU 1 had a noise of 64436 us/,
    );
    expect(parseOsnoise(recorded(''), options({ stop: '200us' })).breach).to.contain('103316 us');
    expect(parseOsnoise(recorded('-auto'), options({ auto: '100us' })).breach).to.contain('of auto');
    expect(parseOsnoise(recorded('-stop'), options({ stop: '200ms' })).breach).to.contain('is not in its table');
    expect(parseOsnoise(recorded(''), options({ stop: '103316us' })).breach).to.contain('103316 us, not less than');
    expect(parseOsnoise(recorded(''), options({ stop: '103317us' })).breach).to.equal(undefined);
    expect(parseOsnoise(recorded('-stop'), options()).breach).to.equal(undefined);
  });

  it('has no data where nothing was as long as the threshold, and says why', () => {
    const parsed = parseOsnoise(recorded('-none'), options({ threshold: '900ms' }));
    expect(parsed.metrics).to.deep.equal([]);
    const doubts = silentCpus(parsed, [0, 1]);
    expect(doubts.join()).to.match(/^CPU 0, 1: no noise as long as the threshold, or its thread never ran/);
    const expected = osnoiseExpected([0, 1]);
    expect(verdictOf({ tool: 'osnoise', cpus: '0-1' }, { ...parsed, doubts, expected }, []).verdict).to.equal(
      'no-data',
    );
  });

  it('names a CPU that is not in the table', () => {
    const parsed = parseOsnoise(recorded(''), options());
    expect(shortfalls({ ...parsed, duration: 1, expected: osnoiseExpected([0, 1, 2]) })).to.deep.equal([
      'noise (cpu 2) was asked for and not measured',
    ]);
    expect(silentCpus(parsed, [0, 1])).to.deep.equal([]);
  });

  it('is an error where all samples are beyond the bins, of which newer versions then tell none', () => {
    const text = `# RTLA osnoise histogram\n# Time unit is microseconds (us)\n# Duration:   0 00:00:05\nIndex   CPU-002\nover: 0\ncount: 0\nmin: 0\navg: 0\nmax: 0\n`;
    expect(() => parseOsnoise(text, options())).to.throw(Kvm4nfvError, 'all are beyond its 256 bins');
  });

  it('reads a mean with two decimals, and refuses one that does not fit', () => {
    const table = (avg: string): string =>
      `# RTLA osnoise histogram\n# Time unit is microseconds (us)\n# Duration:   0 00:00:05\nIndex   CPU-002\n5             3 \n8             1 \nover:         0 \ncount:        4 \nmin:          5 \navg:  ${avg.padStart(9)} \nmax:          8 \n`;
    expect(parseOsnoise(table('5.75'), options()).metrics).to.have.length(1);
    expect(parseOsnoise(table('5'), options()).metrics).to.have.length(1);
    for (const avg of ['5.80', '4.60', '6'])
      expect(() => parseOsnoise(table(avg), options()), avg).to.throw(Kvm4nfvError, 'a mean of');
  });

  it('never throws anything but a Kvm4nfvError and never counts what was not counted, however its text is damaged', () => {
    const text = recorded('-few');
    fc.assert(
      fc.property(fc.nat(600), fc.nat(40), fc.string({ maxLength: 12 }), (at, cut, put) => {
        const start = at % text.length;
        const damaged = text.slice(0, start) + put + text.slice(start + cut);
        try {
          const counts = (/^[ \t]*count:(.*)$/m.exec(damaged)?.[1] ?? '').trim().split(/\s+/).map(Number);
          const counted = parseOsnoise(damaged, options({ entries: 10 })).metrics.map(
            ({ histogram }) => histogram.count,
          );
          expect(counted).to.deep.equal(counted.length === 0 ? [] : counts);
        } catch (error) {
          if (!Kvm4nfvError.is(error)) throw error;
          expect(error.fault).to.equal('tool');
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('needs the tracer and an rtla', () => {
    const kinds = timer.needs(timer.options.parse({ tool: 'osnoise' })).map((need) => need.kind);
    expect(kinds).to.deep.equal(['tool', 'root', 'file']);
    expect(timer.preview(timer.options.parse({ tool: 'osnoise', cpus: '2-3' })).commands[0]).to.include('2-3');
  });
});
