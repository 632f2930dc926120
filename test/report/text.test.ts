import { expect } from 'chai';
import fc from 'fast-check';
import { Histogram } from '../../lib/measure/histogram.js';
import { renderBars } from '../../lib/report/bars.js';
import { formatClock, formatCount, formatTime, formatValue } from '../../lib/report/format.js';
import { renderTable } from '../../lib/report/table.js';

describe('numbers for people', () => {
  it('give times in the unit that fits, whole ones without decimals', () => {
    const times = [0, 1, 999, 1000, 1230, 12_340, 123_400, 999_999, 1e6, 1_284_000, 15e6, 1e9, 59.5e9, 3600e9];
    expect(times.map(formatTime)).to.deep.equal([
      '0ns',
      '1ns',
      '999ns',
      '1us',
      '1.23us',
      '12.3us',
      '123us',
      '1.00ms',
      '1ms',
      '1.28ms',
      '15ms',
      '1s',
      '59.5s',
      '3600s',
    ]);
  });

  it('never lose the magnitude of a time', () => {
    const factor = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 };
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3.6e12 }), (ns) => {
        const [, number = '', unit = 'ns'] = /^([\d.]+)(ns|us|ms|s)$/.exec(formatTime(ns)) ?? [];
        expect(Number(number) * factor[unit as keyof typeof factor]).to.be.closeTo(ns, ns * 0.006);
        expect(Number(number)).to.be.lessThan(unit === 's' ? 3601 : 1000);
      }),
    );
  });

  it('give clocks, counts, shares and values with their unit', () => {
    expect([0, 3e9, 59.6e9, 123e9, 3723e9, -5].map(formatClock)).to.deep.equal([
      '0:00',
      '0:03',
      '1:00',
      '2:03',
      '1:02:03',
      '0:00',
    ]);
    expect([0, 999, 1000, 1_234_567].map(formatCount)).to.deep.equal(['0', '999', '1 000', '1 234 567']);
    expect(formatValue(1500, 'ns')).to.equal('1.50us');
    expect(formatValue(0.000123, 'ratio')).to.equal('0.0123 %');
    expect(formatValue(1e6, 'count')).to.equal('1 000 000');
    expect(formatValue(2.5, 'packets/s')).to.equal('2.5 packets/s');
  });
});

describe('a table', () => {
  it('aligns columns by what is seen, colours not counted, and ends no line in blanks', () => {
    const rows = [
      [{ text: 'a' }, { text: '1' }, { text: 'pass', shown: '\u001b[32mpass\u001b[39m' }],
      [{ text: 'longer' }, { text: '1000' }, { text: 'x' }],
      [{ text: 'short' }],
    ];
    expect(renderTable([{ title: 'name' }, { title: 'n', align: 'right' }, { title: 'verdict' }], rows)).to.equal(
      ['name       n  verdict', 'a          1  \u001b[32mpass\u001b[39m', 'longer  1000  x', 'short'].join('\n'),
    );
  });
});

describe('columns of wide characters', () => {
  it('are straight: each takes two places, a combining one none', () => {
    const rows = [
      [{ text: '定时器延迟' }, { text: '1' }],
      [{ text: 'timer' }, { text: '2' }],
      [{ text: 'e\u0301' }, { text: '3' }],
    ];
    expect(renderTable([{ title: 'test' }, { title: 'n' }], rows)).to.equal(
      ['test        n', '定时器延迟  1', 'timer       2', 'e\u0301           3'].join('\n'),
    );
  });
});

describe('a histogram in block characters', () => {
  it('has the unit of its metric', () => {
    const histogram = new Histogram();
    histogram.record(64, 100);
    histogram.record(1518, 100);
    const rows = renderBars(histogram, 10, 'packets').split('\n');
    expect(rows[0]).to.equal('    50 ..   100  ██████████  100');
    expect(rows.at(-1)).to.equal(' 1 000 .. 2 000  ██████████  100');
    const large = new Histogram();
    large.record(Number.MAX_SAFE_INTEGER);
    expect(renderBars(large, 10, 'B')).to.match(/██████████ {2}1$/);
  });

  it('has a row for each step and a bar that grows with the logarithm of the count', () => {
    const histogram = new Histogram();
    histogram.record(3000, 1000);
    histogram.record(7000, 10);
    histogram.record(120_000);
    expect(renderBars(histogram, 10).split('\n')).to.deep.equal([
      '   2us ..   5us  ██████████  1 000',
      '   5us ..  10us  ███▌        10',
      '  10us ..  20us              0',
      '  20us ..  50us              0',
      '  50us .. 100us              0',
      ' 100us .. 200us  █           1',
    ]);
  });

  it('does not draw samples beyond the bins as if they had been measured', () => {
    const histogram = new Histogram();
    histogram.record(7000, 10);
    histogram.addOverflow(3, { above: 90_000, max: 4_000_000 });
    expect(renderBars(histogram, 10).split('\n')).to.deep.equal([
      '   5us ..  10us  ██████████  10',
      '         > 90us  █████▊      3',
    ]);
  });

  it('is empty without samples', () => {
    expect(renderBars(new Histogram())).to.equal('');
  });

  it('shows each sample in exactly one row, overflow included', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 1e6 })), {
          minLength: 1,
          maxLength: 20,
        }),
        fc.integer({ min: 0, max: 5 }),
        (samples, beyond) => {
          const histogram = new Histogram();
          for (const [value, count] of samples) histogram.record(value, count);
          if (beyond > 0) histogram.addOverflow(beyond, { above: 2e9, max: 5e9, sum: beyond * 3e9 });
          const counts = renderBars(histogram)
            .split('\n')
            .map((row) => Number((/ {2}([\d ]+)$/.exec(row)?.[1] ?? 'none').replaceAll(' ', '')));
          expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(histogram.count);
        },
      ),
      { numRuns: 50 },
    );
  });
});
