import { expect } from 'chai';
import { durationRunner } from '../../runners/duration.js';
import { iteration } from '../../runners/iteration.js';
import { sweep } from '../../runners/sweep.js';
import { measured, outcomeOf, trialsOf } from './trials.js';

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

  it('says so where until was never reached, and why', async () => {
    const until = { metric: 'max', within: 0.01, at_least: 4 };
    const missed = async (input: object, answer: Parameters<typeof trialsOf>[2]): Promise<readonly string[]> =>
      (await outcomeOf(iteration, input, answer))?.missed ?? [];
    expect(await missed({ count: 8, until }, () => measured(10_000))).to.deep.equal([]);
    expect(await missed({ count: 8 }, () => measured(10_000))).to.deep.equal([]);
    const [spread = '', ...others] = await missed({ count: 8, until }, (_trial, number) => measured(10 * (number + 1)));
    expect(others).to.deep.equal([]);
    // 10, 20 ... 80: mean 45, deviation 24.495, quantile 2.3646, so 20.48 of 45.
    expect(spread).to.equal(
      'until was not reached: the mean of max was to be known within 1 %, and after 8 trials it is known within 45.51 %',
    );
    const [unsupported = ''] = await missed({ count: 3, until: { metric: 'p99.99' } }, () => measured(1000));
    expect(unsupported).to.contain('but 0 of 3 trials gave a value, 3 are needed (p99.99 is not supported by the data');
    const [zero = ''] = await missed({ count: 2, until: { metric: 'mean', at_least: 2 } }, (_trial, number) =>
      measured(number === 0 ? 0 : 1),
    );
    expect(zero).to.contain('after 2 trials it is known within');
  });

  it('takes a bound for no value of until', async () => {
    const bounded = measured();
    const [metric] = bounded.metrics;
    if (metric?.kind === 'histogram') metric.histogram.addOverflow(100, { above: 90_000, max: 95_000 });
    const outcome = await outcomeOf(iteration, { count: 3, until: { metric: 'p50' } }, () => bounded);
    expect(outcome?.missed?.[0]).to.contain('0 of 3 trials gave a value').and.to.contain('only bounds of it are known');
  });

  it('has reached what it was to where stop_on ended it', async () => {
    const outcome = await outcomeOf(iteration, { count: 5, stop_on: 'max > 1us', until: { metric: 'max' } }, () =>
      measured(2000),
    );
    expect(outcome).to.equal(undefined);
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

  it('steps in decimals: neither the end nor a digit is lost', () => {
    const values = (from: number | string, to: number | string, step: number | string): unknown =>
      sweep.options.safeParse({ over: { x: { from, to, step } } }).data?.over['x'];
    expect(values(0.1, 0.3, 0.1)).to.deep.equal([0.1, 0.2, 0.3]);
    expect(values(0.3, 0.1, -0.1)).to.deep.equal([0.3, 0.2, 0.1]);
    expect(values(1.1, 1.5, 0.2)).to.deep.equal([1.1, 1.3, 1.5]);
    expect(values(0, 1, 0.3)).to.deep.equal([0, 0.3, 0.6, 0.9]);
    expect(values(-0.1, 0.1, 0.1)).to.deep.equal([-0.1, 0, 0.1]);
    expect(values(1e-7, 3e-7, 1e-7)).to.deep.equal([1e-7, 2e-7, 3e-7]);
    expect(values(0.25, 0.25, 1)).to.deep.equal([0.25]);
    expect(values(1, 1, 0)).to.equal(undefined);
    expect(values(1, 1, Infinity)).to.equal(undefined);
    expect(values('0.1us', '0.3us', '0.1us')).to.deep.equal(['100ns', '200ns', '300ns']);
    expect(values('0.1ns', '0.3ns', '0.1ns')).to.equal(undefined);
    expect((values(1, 10_000, 1) as unknown[]).length).to.equal(10_000);
    expect(values(0, 10_000, 1)).to.equal(undefined);
    expect(values(1, 0.9999999999, 1)).to.equal(undefined);
    expect(values(1e300, 2e300, 1e300)).to.deep.equal([1e300, 2e300]);
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
