import { expect } from 'chai';
import { relativeHalfWidth, studentT } from '../../runners/student-t.js';

describe("Student's t", () => {
  /** Two-sided confidence, degrees of freedom, quantile: to ten digits, from tables and from integrating the density. */
  for (const [confidence, freedom, quantile] of [
    [0.95, 1, 12.7062047362],
    [0.95, 2, 4.30265272975],
    [0.99, 2, 9.92484320092],
    [0.95, 5, 2.57058183564],
    [0.9, 9, 1.83311293265],
    [0.95, 30, 2.0422724563],
    [0.95, 31, 2.0395134464],
    [0.9, 31, 1.69551878254],
    [0.99, 31, 2.74404191929],
    [0.95, 40, 2.02107539031],
    [0.95, 60, 2.00029782201],
    [0.95, 100, 1.98397151853],
    [0.9, 100, 1.66023432607],
    [0.99, 100, 2.62589052144],
    [0.95, 1000, 1.96233908082],
  ] as const)
    it(`${String(confidence)} of it with ${String(freedom)} degrees of freedom lies within ${String(quantile)}`, () => {
      expect(studentT(confidence, freedom)).to.be.closeTo(quantile, 1e-9);
    });

  it('becomes the normal distribution', () => {
    expect(studentT(0.95, 100_000)).to.be.closeTo(1.959964, 3e-5);
    expect(studentT(0.99, 100_001)).to.be.closeTo(2.575829, 6e-5);
  });

  it('is what integrating its density gives', () => {
    // Simpson over the angle, in which the density is a power of the cosine: no series.
    const area = (from: number, to: number, power: number): number => {
      const steps = 2000;
      const at = (index: number): number => Math.cos(from + ((to - from) * index) / steps) ** power;
      let sum = at(0) + at(steps);
      for (let index = 1; index < steps; index++) sum += at(index) * (index % 2 === 0 ? 2 : 4);
      return (sum * (to - from)) / steps / 3;
    };
    for (const freedom of [1, 2, 3, 4, 7, 12, 33, 64])
      for (const confidence of [0.5, 0.9, 0.95, 0.99]) {
        const angle = Math.atan(studentT(confidence, freedom) / Math.sqrt(freedom));
        const inside = area(0, angle, freedom - 1) / area(0, Math.PI / 2, freedom - 1);
        expect(inside, `${String(confidence)} with ${String(freedom)}`).to.be.closeTo(confidence, 1e-9);
      }
  });
});

describe('the confidence interval of a mean', () => {
  it('agrees with the textbook', () => {
    // Five values with mean 10 and standard deviation 1: 2.776 / sqrt(5) / 10.
    const values = [10 - Math.SQRT2, 10, 10, 10, 10 + Math.SQRT2];
    expect(relativeHalfWidth(values, 0.95)).to.be.closeTo(0.1241, 0.0005);
  });

  it('is as wide as it should be with many values', () => {
    // 9 and 11 in turn, 50 values: deviation sqrt(50 / 49), quantile 2.0096 of 49.
    const values = Array.from({ length: 50 }, (_, index) => 9 + 2 * (index % 2));
    expect(relativeHalfWidth(values, 0.95)).to.be.closeTo((2.009575 * Math.sqrt(50 / 49)) / Math.sqrt(50) / 10, 1e-6);
  });

  it('is not known from one value, nor as a part of a mean of 0', () => {
    expect(relativeHalfWidth([1], 0.95)).to.equal(Infinity);
    expect(relativeHalfWidth([-1, 1], 0.95)).to.equal(Infinity);
    expect(relativeHalfWidth([5, 5], 0.95)).to.equal(0);
  });
});
