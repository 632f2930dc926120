import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { SampleSink } from '../../lib/measure/sample-sink.js';

const read = (text: string, unit: 1 | 1000 = 1000) => {
  const sink = new SampleSink({ unit });
  sink.write(Buffer.from(text));
  return sink.finish();
};

describe('SampleSink', () => {
  it('counts what cyclictest -v wrote, thread by thread, and leaves its headings out', () => {
    const text = readFileSync(new URL('../fixtures/cyclictest/cyclictest-2.4-verbose.stdout', import.meta.url), 'utf8');
    const { threads, ignored } = read(text);
    const lines = [...text.matchAll(/^ *(\d+): *\d+: *(\d+)$/gm)];
    for (const thread of [0, 1]) {
      const values = lines.filter(([, number]) => Number(number) === thread).map(([, , value]) => Number(value) * 1000);
      const histogram = threads.get(thread);
      expect(histogram?.count).to.equal(values.length).and.to.be.greaterThan(0);
      expect(histogram?.sum).to.equal(values.reduce((sum, value) => sum + value, 0));
      expect([histogram?.min, histogram?.max]).to.deep.equal([Math.min(...values), Math.max(...values)]);
    }
    expect(ignored).to.equal(text.split('\n').filter((line) => line !== '').length - lines.length);
  });

  it('does not mind where the bytes are cut', () => {
    const sample = fc.tuple(fc.nat(3), fc.nat(1e9), fc.oneof(fc.nat(2000), fc.nat(1e8)));
    fc.assert(
      fc.property(
        fc.array(sample, { maxLength: 60 }),
        fc.array(fc.integer({ min: 1, max: 9 })),
        fc.constantFrom(1, 1000),
        (written, cuts, unit) => {
          const bytes = Buffer.from(
            written.map((numbers) => `${numbers.map((number) => String(number).padStart(8)).join(':')}\n`).join(''),
          );
          const sink = new SampleSink({ unit });
          let at = 0;
          for (const cut of cuts) sink.write(bytes.subarray(at, (at += cut)));
          sink.write(bytes.subarray(at));
          const { threads, ignored } = sink.finish();
          expect(ignored).to.equal(0);
          for (let thread = 0; thread < 4; thread++) {
            const values = written.filter(([number]) => number === thread).map(([, , value]) => value * unit);
            expect(threads.get(thread)?.count ?? 0).to.equal(values.length);
            expect(threads.get(thread)?.sum ?? 0).to.equal(values.reduce((sum, value) => sum + value, 0));
          }
        },
      ),
    );
  });

  it('never invents a sample from nonsense', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('1', '7', ':', ' ', '\n', '-', 'x', '.') }), (text) => {
        const good = text
          .split('\n')
          .slice(0, -1)
          .filter(
            (line) =>
              /^ *\d{1,15} *$/.test(line.split(':')[2] ?? '') && /^ *\d{1,15}: *\d{1,15}: *\d{1,15}$/.test(line),
          );
        const { threads } = read(text);
        expect([...threads.values()].reduce((sum, { count }) => sum + count, 0)).to.equal(
          good.filter((line) => Number(line.split(':')[0]) < 65_536 && Number(line.split(':')[2]) <= 3.6e9).length,
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('does not count a last line whose value may have been cut', () => {
    const { threads, ignored } = read('       0:       0:      12\n       0:       1:      1');
    expect([threads.get(0)?.count, threads.get(0)?.max, ignored]).to.deep.equal([1, 12_000, 1]);
  });

  it('gives each interval as soon as it is over, by the numbers of the samples', () => {
    const seen: string[] = [];
    const sink = new SampleSink({
      unit: 1000,
      intervals: {
        first: (index) => Math.ceil(index * 2.5),
        done: ({ thread, index, histogram }) =>
          seen.push(`${String(thread)}/${String(index)}: ${String(histogram.count)} of ${String(histogram.sum)} ns`),
      },
    });
    sink.write(Buffer.from('0:0:1\n1:0:9\n0:1:1\n0:2:1\n'));
    expect(seen).to.deep.equal([]);
    sink.write(Buffer.from('0:3:2\n0:4:2\n0:11:7\n'));
    expect(seen).to.deep.equal(['0/0: 3 of 3000 ns', '0/1: 2 of 4000 ns']);
    const { threads } = sink.finish();
    expect(seen.slice(2)).to.deep.equal(['0/4: 1 of 7000 ns', '1/0: 1 of 9000 ns']);
    expect([threads.get(0)?.count, threads.get(0)?.sum, threads.get(1)?.count]).to.deep.equal([6, 14_000, 1]);
  });

  it('tells how many numbers were there twice', () => {
    expect(read('0:0:5\n0:1:5\n0:1:5\n1:0:5\n').repeated).to.equal(1);
  });

  it('tells how many samples the tool took and did not write', () => {
    expect(read('0:0:5\n0:1:5\n0:5:5\n1:0:5\n').lost).to.equal(3);
  });
});
