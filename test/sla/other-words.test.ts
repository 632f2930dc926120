import { expect } from 'chai';
import { parseSla } from '../../lib/sla/sla.js';
import { mayBeMetric, meantBy, statisticWords, unitMeantBy, wordOf } from '../../lib/sla/words.js';

describe('words that people use elsewhere', () => {
  for (const [meant, words] of [
    ['min', ['minimum', 'lowest', 'least', 'best', 'MINIMUM']],
    ['max', ['maximum', 'highest', 'greatest', 'worst', 'peak']],
    ['mean', ['averagelatency', 'average_latency', 'mu']],
    ['stddev', ['std_dev', 'standarddeviation', 'standard_deviation', 'sd', 'sigma', 'variance', 'var']],
    ['max - min', ['range', 'spread', 'jitter', 'peaktopeak', 'peak_to_peak']],
    ['count', ['n', 'total', 'cycles', 'num', 'number', 'size', 'samplecount', 'sample_count']],
    ['over(20us)', ['above', 'exceed', 'exceeds', 'exceeded', 'exceeding', 'greater', 'violations', 'outliers']],
    ['share_over(20us)', ['share', 'ratio', 'fraction', 'percent_over', 'percentover', 'over_share', 'overshare']],
    ['duration', ['time', 'runtime', 'elapsed', 'length']],
    ['p99', ['p_99', 'pct99', 'perc_99', 'percentile99', 'quantile_99']],
    ['p99.9', ['p999', 'p99_9', 'percentile_99_9', 'percentile', 'quantile', 'perc', 'pct', 'p']],
    ['p9', ['p9']],
    ['p12.345', ['p12345', 'P12_345']],
    [undefined, ['p_', 'maximum_of', 'themaximum', 'n1', 'timer', 'overtime', 'xp99', 'p99x', 'latency']],
  ] as const)
    it(`mean ${meant ?? 'nothing'}: ${words.join(', ')}`, () => {
      for (const word of words) {
        expect(meantBy(word), word).to.equal(meant);
        expect([meantBy(`zz_${word}`), meantBy(`${word}_zz`)], word).to.deep.equal([undefined, undefined]);
      }
    });

  it('are no percentile of 0', () => {
    expect([meantBy('p0'), meantBy('p00'), meantBy('p1')]).to.deep.equal([undefined, undefined, 'p1']);
  });

  for (const [unit, words] of [
    ['ns', ['nsec', 'nsecs', 'nanosec', 'nanosecs', 'nanosecond', 'nanoseconds']],
    ['us', ['usec', 'µsecs', 'μsec', 'micros', 'microsec', 'microsecs', 'microsecond', 'microseconds', 'mus']],
    ['ms', ['msec', 'msecs', 'millis', 'millisec', 'millisecs', 'millisecond', 'milliseconds']],
    ['s', ['sec', 'secs', 'second', 'Seconds']],
    ['min', ['mins', 'minute', 'minutes']],
    ['h', ['hr', 'hrs', 'hour', 'hours']],
    ['d', ['day', 'days']],
    ['%', ['percent', 'pct']],
    ['packets', ['packet', 'pkt', 'pkts', 'frame', 'frames']],
    ['pps', ['pkt/s', 'pkts/s', 'frames/s', 'fps']],
    ['bit/s', ['bps', 'bits/s', 'b/s']],
    ['Gbit/s', ['Gbps']],
    ['Mbit/s', ['Mbps']],
    ['kbit/s', ['kbps', 'Kbps']],
    ['B', ['byte', 'bytes']],
    [
      undefined,
      [
        'parsec',
        'secsy',
        'xnsec',
        'gbps2',
        'agbps',
        'ambps',
        'mbpss',
        'akbps',
        'kbpss',
        'abyte',
        'bytesx',
        'my_day',
        'days2',
        '',
      ],
    ],
  ] as const)
    it(`are the unit ${unit ?? 'of nothing'}: ${words.join(', ')}`, () => {
      for (const word of words) {
        expect(unitMeantBy(word), word).to.equal(unit);
        expect([unitMeantBy(`q${word}`), unitMeantBy(`${word}q`)], word).to.deep.equal([undefined, undefined]);
      }
    });

  it('are taken for statistics where they can mean nothing else', () => {
    expect(['avg', 'average', 'mean'].map(wordOf)).to.deep.equal(Array(3).fill({ kind: 'mean' }));
    expect(['std', 'stdev', 'stddev'].map(wordOf)).to.deep.equal(Array(3).fill({ kind: 'stddev' }));
    expect(['samples', 'count'].map(wordOf)).to.deep.equal(Array(2).fill({ kind: 'count' }));
    expect(wordOf('median')).to.deep.equal({ kind: 'percentile', percentile: 50, needs: 20 });
    expect(['min', 'max'].map(wordOf)).to.deep.equal([{ kind: 'min' }, { kind: 'max' }]);
    expect(['toString', 'constructor', 'sample', ''].map(wordOf)).to.deep.equal(Array(4).fill(undefined));
    expect(['stddev', 'avg', 'std', 'median'].map(mayBeMetric)).to.deep.equal(Array(4).fill(true));
    expect(['max', 'mean', 'min', 'count', 'toString'].map(mayBeMetric)).to.deep.equal(Array(5).fill(false));
    expect(statisticWords).to.include.members([
      'min',
      'max',
      'samples',
      'over',
      'share_over',
      'duration',
      'avg',
      'median',
    ]);
  });
});

describe('what is wrong in an SLA', () => {
  const mistake = (text: string): { message: string; offset: number; hint?: string | undefined } => {
    const parsed = parseSla(text);
    if (parsed.ok) throw new Error(`${text} was taken`);
    const { message, offset, hint } = parsed;
    return { message, offset, hint };
  };

  for (const [text, message, offset, hint] of [
    ['p100 <= 1us', 'p100 is no percentile: it must be above 0 and below 100', 0, "did you mean 'max'?"],
    ['p100.5 <= 1us', 'p100.5 is no percentile: it must be above 0 and below 100', 0, undefined],
    ['p0 <= 1us', 'p0 is no percentile: it must be above 0 and below 100', 0, "did you mean 'min'?"],
    ['p999 <= 1us', 'p999 is no percentile: it must be above 0 and below 100', 0, "did you mean 'p99.9'?"],
    ['over <= 1', "expected '(' after over, as in over(20us), not '<= 1'", 5, undefined],
    ['over(20us <= 1', "expected ')', not '<= 1'", 10, undefined],
    ['over 20us <= 1', "expected '(' after over, as in over(20us), not '20us <= 1'", 5, undefined],
    ['latency.mx <= 1us', "unknown statistic 'mx'", 8, "did you mean 'max'?"],
    [
      'latency.zzzz <= 1us',
      "unknown statistic 'zzzz'",
      8,
      'statistics: p<N>, min, mean, median, max, stddev, count, over(X), share_over(X)',
    ],
    [
      'latency.duratio <= 1us',
      "unknown statistic 'duratio'",
      8,
      'statistics: p<N>, min, mean, median, max, stddev, count, over(X), share_over(X)',
    ],
    [
      '5 <= 1us',
      "expected a metric or a statistic, such as max or p99.99, not '5 <= 1us'",
      0,
      'the statistic stands first: max <= 20us',
    ],
    [
      '.5 <= 1us',
      "expected a metric or a statistic, such as max or p99.99, not '.5 <= 1us'",
      0,
      'the statistic stands first: max <= 20us',
    ],
    ['<= 1us', "expected a metric or a statistic, such as max or p99.99, not '<= 1us'", 0, undefined],
    [
      '50p <= 1us',
      "expected a metric or a statistic, such as max or p99.99, not '50p <= 1us'",
      0,
      "did you mean 'p50'?",
    ],
    [
      '1st <= 1us',
      "expected a metric or a statistic, such as max or p99.99, not '1st <= 1us'",
      0,
      "did you mean 'p1'?",
    ],
    ['shareover(2us) <= 1', "unknown function 'shareover'", 0, "did you mean 'share_over'?"],
    ['exceeds(2us) <= 1', "unknown function 'exceeds'", 0, "did you mean 'over(20us)'?"],
    ['qqqqq(2us) <= 1', "unknown function 'qqqqq'", 0, "did you mean 'over'?"],
    ['max 20us', "expected one of <=, <, >=, >, ==, not '20us'", 4, undefined],
    ['max != 20us', "unknown operator '!='", 4, 'operators: <=, <, >=, >, =='],
    ['max ~ 20us', "unknown operator '~'", 4, 'operators: <=, <, >=, >, =='],
    ['max === 20us', "unknown operator '==='", 4, "did you mean '=='?"],
    ['max => 20us', "unknown operator '=>'", 4, "did you mean '>='?"],
    ['max ≥ 20us', "unknown operator '≥'", 4, "did you mean '>='?"],
    ['p99,99 <= 20us', "expected one of <=, <, >=, >, ==, not ',99 <= 20us'", 3, "did you mean 'p99.99'?"],
    ['max,99 <= 20us', "expected one of <=, <, >=, >, ==, not ',99 <= 20us'", 3, undefined],
    [
      'max <= 20us, p99 <= 1us',
      "expected the end, not ', p99 <= 1us'",
      11,
      'one limit an expression: write several as a list',
    ],
    ['max <= 20us [3]', "expected the end, not '[3]'", 12, 'one limit an expression: write several as a list'],
    ['max <= 20us 1,000', "expected the end, not '1,000'", 12, 'one limit an expression: write several as a list'],
    ['max <= 20us 1,5', "expected the end, not '1,5'", 12, 'one limit an expression: write several as a list'],
    ['max <= 20us 1e6', "expected the end, not '1e6'", 12, 'one limit an expression: write several as a list'],
    ['max <= 20 ;us', "expected the end, not ';us'", 10, 'one limit an expression: write several as a list'],
    ['max <= 20zz', "unknown unit 'zz'", 9, undefined],
    ['max <= 2e-9s', "'2e-9' is scientific notation", 7, 'write it out, with a larger or smaller unit'],
    ['max <= 1_000us', "'1_000' has separators", 7, 'write 1000'],
    ["max <= 1'000'000ns", "'1'000'000' has separators", 7, 'write 1000000'],
    ['max <= 12,5us', "'12,5' has a comma", 7, 'write 12.5'],
    ['max <= .5us', "'.5' begins with a point", 7, 'write 0.5'],
    ['max[3] <= 1us', "unexpected '[3]'", 3, 'labels are selected with braces, such as {cpu=3} or {cpu=2-5,8}'],
    ['max{cpu=3-2} <= 1us', "'3-2' is no range of 1 to 10000 values", 4, undefined],
    ['max{=3} <= 1us', "expected a label and its value, not '=3} <= 1us'", 4, 'such as {cpu=3} or {cpu=2-5,8}'],
    ['max{cpu=3', "expected '}' after the labels, such as {cpu=3} or {cpu=2-5,8}, not the end", 9, undefined],
    ['max - max <= 1us', 'the only difference that can be judged is that of one metric', 6, "write 'max - min'"],
    ['min - max <= 1us', 'the only difference that can be judged is that of one metric', 6, "write 'max - min'"],
  ] as const)
    it(`is told of '${text}', with its place`, () => {
      const told = mistake(text);
      expect([told.message, told.offset]).to.deep.equal([message, offset]);
      if (hint === undefined && message.startsWith('unknown unit')) expect(told.hint).to.match(/^units: .*\bus\b.*%/);
      else expect(told.hint).to.equal(hint);
    });

  it('needs as many samples as a percentile is fine', () => {
    const needs = (text: string): unknown => {
      const parsed = parseSla(`${text} <= 1us`);
      return parsed.ok && parsed.sla.statistic.kind === 'percentile' ? parsed.sla.statistic.needs : undefined;
    };
    expect(['p1', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'p33.3'].map(needs)).to.deep.equal([
      11, 20, 100, 200, 1000, 10_000, 15,
    ]);
  });
});
