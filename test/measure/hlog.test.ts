import { createRequire } from 'node:module';
import { expect } from 'chai';
import type * as Library from 'hdr-histogram-js';
import { formatHlog } from '../../lib/measure/hlog.js';
import { Histogram } from '../../lib/measure/histogram.js';

const hdr = createRequire(import.meta.url)('hdr-histogram-js') as typeof Library;

describe('hlog', () => {
  const histogram = new Histogram({ resolution: 1000 });
  for (let us = 10; us < 60; us++) histogram.record(us * 1000, 20);
  histogram.addOverflow(3, { above: 90_000, max: 187_654_000 });
  const other = new Histogram();
  other.record(12_345);
  const startedAt = new Date('2026-11-22T18:00:00.250Z');
  const text = [
    ...formatHlog(startedAt, [
      { tag: 'thread 0, cpu 1', start: 0, end: 10e9, histogram },
      { tag: 'thread=1', start: 10e9, end: 10.5e9, histogram: other },
    ]),
  ].join('');

  it('is read by the log reader of HdrHistogram', () => {
    const reader = new hdr.HistogramLogReader(text, 64);
    const first = reader.nextIntervalHistogram();
    expect([first?.tag, first?.totalCount, first?.startTimeStampMsec]).to.deep.equal([
      'thread_0_cpu_1',
      1003,
      startedAt.getTime(),
    ]);
    expect(first?.endTimeStampMsec).to.equal(startedAt.getTime() + 10_000);
    expect(first?.getValueAtPercentile(50)).to.be.at.least(35_000).and.below(36_000);
    const second = reader.nextIntervalHistogram();
    expect([second?.tag, second?.totalCount]).to.deep.equal(['thread=1', 1]);
    expect(reader.nextIntervalHistogram()).to.equal(null);
  });

  it('has the header that the Java tools want and no blank line', () => {
    const lines = text.split('\n');
    expect(lines[0]).to.equal('#[Histogram log format version 1.3]');
    expect(lines).to.include('#[StartTime: 1795370400.250 (seconds since epoch), Sun, 22 Nov 2026 18:00:00 GMT]');
    expect(lines).to.include('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"');
    expect(lines.slice(0, -1).every((line) => line !== '')).to.equal(true);
  });

  it('says the exact max in ms, where HDR says the end of its bin', () => {
    expect(text).to.match(/^Tag=thread_0_cpu_1,0\.000,10\.000,187\.654,HISTFA/m);
  });
});
