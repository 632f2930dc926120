import { expect } from 'chai';
import { durationRunner } from '../../runners/duration.js';
import { iteration } from '../../runners/iteration.js';
import { relativeHalfWidth } from '../../runners/student-t.js';
import { sweep } from '../../runners/sweep.js';
import { measured, trialsOf } from './trials.js';

describe('the iteration runner', () => {
  it('repeats the trial, warm-ups first, with a pause before each but the first', async () => {
    const trials = await trialsOf(iteration, { count: 3, warm_up: 1, pause: '2s' });
    expect(trials.map(({ warmUp }) => warmUp)).to.deep.equal([true, false, false, false]);
    expect(trials.map(({ pause }) => pause)).to.deep.equal([undefined, 2e9, 2e9, 2e9]);
  });

  it('stops once stop_on holds for a trial', async () => {
    const trials = await trialsOf(iteration, { count: 10, stop_on: 'max > 50us' }, (_trial, number) =>
      measured(number === 3 ? 60_000 : 10_000),
    );
    expect(trials).to.have.length(4);
  });

  it('stops when a statistic is known as well as asked, and not before', async () => {
    const alike = await trialsOf(iteration, { count: 50, until: { metric: 'max', within: 0.05 } }, () =>
      measured(10_000),
    );
    expect(alike).to.have.length(3);
    const unlike = await trialsOf(iteration, { count: 8, until: { metric: 'max', within: 0.01 } }, (_trial, number) =>
      measured(10_000 * (number + 1)),
    );
    expect(unlike).to.have.length(8);
  });

  it('goes on until then without a count too, for 100 trials at most', async () => {
    const until = { metric: 'max', within: 0.01 };
    expect(await trialsOf(iteration, {})).to.have.length(1);
    expect(await trialsOf(iteration, { until }, () => measured(10_000))).to.have.length(3);
    const unlike = await trialsOf(iteration, { until }, (_trial, number) => measured(number % 2 === 0 ? 1000 : 90_000));
    expect(unlike).to.have.length(100);
  });

  it('refuses fewer trials than it would have to wait for', () => {
    const fits = (input: object): boolean => iteration.options.safeParse(input).success;
    expect(fits({ count: 2, until: { metric: 'max' } })).to.equal(false);
    expect(fits({ count: 3, until: { metric: 'max' } })).to.equal(true);
    expect(fits({ until: { metric: 'max', at_least: 101 } })).to.equal(false);
    expect(fits({ until: { metric: 'max', at_least: 100 } })).to.equal(true);
    expect(fits({ count: 200, until: { metric: 'max', at_least: 101 } })).to.equal(true);
  });

  it('refuses a statistic that there is not', () => {
    expect(iteration.options.safeParse({ count: 2, until: { metric: 'p100' } }).success).to.equal(false);
    expect(iteration.options.safeParse({ counts: 2 }).success).to.equal(false);
  });

  it('tells how many trials there will be only where that is known', () => {
    expect(iteration.preview(iteration.options.parse({ count: 3, warm_up: 2 })).trials).to.equal(5);
    expect(iteration.preview(iteration.options.parse({ count: 3, stop_on: 'max > 1us' })).trials).to.equal(undefined);
  });
});

describe('the duration runner', () => {
  it('begins no trial after its time, but always one', async () => {
    expect(await trialsOf(durationRunner, { duration: '1ns' })).to.have.length(1);
    const some = await trialsOf(durationRunner, { duration: '30ms' });
    expect(some.length).to.be.greaterThan(1);
  });
});

describe('the sweep runner', () => {
  it('combines lists and ranges in the order given', async () => {
    const trials = await trialsOf(sweep, {
      over: { size: [64, 128], interval: { from: '100us', to: '300us', step: '100us' } },
    });
    expect(trials.map(({ parameters }) => parameters)).to.deep.equal(
      [64, 128].flatMap((size) => ['100000ns', '200000ns', '300000ns'].map((interval) => ({ size, interval }))),
    );
  });

  it('shuffles by a seed: the same seed gives the same order, another one another', async () => {
    const over = { n: { from: 1, to: 20, step: 1 } };
    const order = async (seed: number): Promise<unknown[]> =>
      (await trialsOf(sweep, { over, order: 'shuffled', seed })).map(({ parameters }) => parameters['n']);
    const first = await order(1);
    expect(await order(1)).to.deep.equal(first);
    expect(await order(2)).not.to.deep.equal(first);
    expect([...first].sort((a, b) => Number(a) - Number(b))).to.deep.equal(
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
  });

  it('goes downwards too, and refuses a range that never ends or mixes kinds', () => {
    const values = (range: unknown): unknown => sweep.options.safeParse({ over: { x: range } }).data?.over['x'];
    expect(values({ from: 3, to: 1, step: -1 })).to.deep.equal([3, 2, 1]);
    expect(values({ from: '64B', to: '256B', step: '64B' })).to.deep.equal(['64B', '128B', '192B', '256B']);
    expect(values({ from: 1, to: 3, step: -1 })).to.equal(undefined);
    expect(values({ from: 1, to: 3, step: 0 })).to.equal(undefined);
    expect(values({ from: '1us', to: 3, step: 1 })).to.equal(undefined);
  });

  it('repeats each combination', async () => {
    const trials = await trialsOf(sweep, { over: { n: [1, 2] }, repeat: 2, warm_up: 1 });
    expect(trials.map(({ parameters }) => parameters['n'])).to.deep.equal([1, 1, 1, 2, 2]);
  });
});

describe('the confidence interval of a mean', () => {
  it('agrees with the textbook', () => {
    // Five values with mean 10 and standard deviation 1: 2.776 / sqrt(5) / 10.
    const values = [10 - Math.SQRT2, 10, 10, 10, 10 + Math.SQRT2];
    expect(relativeHalfWidth(values, 0.95)).to.be.closeTo(0.1241, 0.0005);
  });

  it('is not known from one value', () => {
    expect(relativeHalfWidth([1], 0.95)).to.equal(Infinity);
  });
});
