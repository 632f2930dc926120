import { expect } from 'chai';
import { Counts } from '../../lib/measure/counts.js';

const near = 2 ** 20;

describe('Counts', () => {
  it('keep each value below 2^20 apart, and 65,536 different ones above', () => {
    const counts = new Counts();
    const values = [0, 255, 256, near - 1, ...Array.from({ length: 65_536 }, (_, index) => near + 3 * index)];
    for (const value of values.toReversed()) counts.add(value, 2);
    expect([...counts.bins()]).to.deep.equal(values.map((value) => ({ from: value, to: value, count: 2 })));
    expect(counts.highest).to.equal(values.at(-1));
  });

  it('tell more of them apart by fewer digits only, and lose none', () => {
    const counts = new Counts();
    const total = 300_000;
    for (let index = 0; index < total; index++) counts.add(near + 1_000_003 * index, 1);
    counts.add(5, 1);
    const bins = [...counts.bins()];
    expect(bins.length).to.be.at.most(65_537);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).to.equal(total + 1);
    expect(bins[0]).to.deep.equal({ from: 5, to: 5, count: 1 });
    for (const [index, { from, to }] of bins.entries()) {
      expect(to - from).to.be.at.most(from / 1024);
      expect(from).to.be.greaterThan(bins[index - 1]?.to ?? -1);
    }
    // Each value is in the bin that holds it.
    const inBin = (value: number) => bins.some(({ from, to }) => from <= value && value <= to);
    for (const index of [0, 1, 7777, total - 1]) expect(inBin(near + 1_000_003 * index)).to.equal(true);
    const merged = new Counts();
    merged.add(near + 1, 1);
    merged.merge(counts);
    expect([...merged.bins()].reduce((sum, { count }) => sum + count, 0)).to.equal(total + 2);
  });

  it('take memory by what they hold: 100 us of 1 ns bins in less than 1 MiB', () => {
    const before = process.memoryUsage().arrayBuffers;
    const counts = new Counts();
    for (let value = 0; value < 100_000; value++) counts.add(value, 1);
    expect(process.memoryUsage().arrayBuffers - before).to.be.lessThan(2 ** 20);
    expect(counts.highest).to.equal(99_999);
  });
});
