import { expect } from 'chai';
import { durationRunner } from '../../runners/duration.js';
import { iteration } from '../../runners/iteration.js';
import { range } from '../../runners/range.js';
import { shuffled } from '../../runners/shuffle.js';
import { relativeHalfWidth } from '../../runners/student-t.js';
import { sweep } from '../../runners/sweep.js';
import { measured, outcomeOf, trialsOf } from './trials.js';

describe('what is written of runners', () => {
  const until = (goal: object): boolean => iteration.options.safeParse({ until: { metric: 'p99', ...goal } }).success;

  it('has names, and defaults for what is left out', () => {
    expect([iteration, durationRunner, sweep].map(({ type }) => type)).to.deep.equal([
      'iteration',
      'duration',
      'sweep',
    ]);
    expect(iteration.options.parse({})).to.deep.equal({ warm_up: 0 });
    expect(iteration.options.parse({ until: { metric: 'p99' } })).to.deep.include({ warm_up: 0 });
    expect(iteration.options.parse({ until: { metric: 'p99' } }).until).to.include({
      confidence: 0.95,
      within: 0.05,
      at_least: 3,
    });
    const { order, seed, repeat } = sweep.options.parse({ over: { n: [1] } });
    expect({ order, seed, repeat }).to.deep.equal({ order: 'given', seed: 1, repeat: 1 });
  });

  it('takes what is at its limits, and nothing beyond', () => {
    expect([0.9, 0.95, 0.99].map((confidence) => until({ confidence }))).to.deep.equal([true, true, true]);
    expect([0, 0.5, 1, 95].map((confidence) => until({ confidence }))).to.deep.equal([false, false, false, false]);
    expect([1e-9, 0.999].map((within) => until({ within }))).to.deep.equal([true, true]);
    expect([0, 1, 5].map((within) => until({ within }))).to.deep.equal([false, false, false]);
    expect([1, 2].map((at_least) => until({ at_least }))).to.deep.equal([false, true]);
    const fits = (options: object): boolean => sweep.options.safeParse({ over: { n: [1] }, ...options }).success;
    expect([{ seed: 0 }, { repeat: 1 }, { warm_up: 0 }, { order: 'given' }].map(fits)).to.not.include(false);
    expect([{ seed: -1 }, { repeat: 0 }, { warm_up: -1 }, { order: 'random' }].map(fits)).to.not.include(true);
    expect(sweep.options.safeParse({ over: { n: [] } }).success).to.equal(false);
    expect([0, 1].map((count) => iteration.options.safeParse({ count }).success)).to.deep.equal([false, true]);
  });

  it('is shown as written, without the blanks around it', () => {
    expect(iteration.options.parse({ stop_on: '  max > 50us ' }).stop_on?.expression).to.equal('max > 50us');
    expect(iteration.options.parse({ until: { metric: ' p99 ' } }).until?.metric.expression).to.equal('p99');
  });

  it('tells what is wrong with a condition, and how one is written', () => {
    const said = (options: object): string[] =>
      (iteration.options.safeParse(options).error?.issues ?? []).map(
        ({ path, message }) => `${path.join('.')}: ${message}`,
      );
    expect(said({ stop_on: 'max > 5 bananas' })).to.deep.equal([
      "stop_on: unknown unit 'bananas' (write it like 'max > 100us')",
    ]);
    const [metric = '', ...others] = said({ until: { metric: 'p99 <= 1us' } });
    expect(others).to.deep.equal([]);
    expect(metric).to.match(/^until\.metric: .+ \(write it like 'p99' or 'latency\.max'\)$/);
  });
});

describe('the preview of a runner', () => {
  it('counts warm-ups and repeats, unless something may end it before', () => {
    const preview = (more: object): ReturnType<typeof sweep.preview> =>
      sweep.preview(sweep.options.parse({ over: { a: [1, 2], b: [3, 4, 5] }, repeat: 4, warm_up: 1, ...more }));
    const known = preview({ pause: '1s' });
    expect(known).to.deep.include({ trials: 25, pause: 1e9, endsWhen: [] });
    expect(known.parameters).to.deep.equal([1, 2].flatMap((a) => [3, 4, 5].map((b) => ({ a, b }))));
    const open = preview({ stop_on: 'max > 1us' });
    expect(open.trials).to.equal(undefined);
    expect(open.endsWhen).to.deep.equal(['max > 1us holds for a trial']);
    expect(open).to.not.have.property('pause');
  });

  it('tells what ends it', () => {
    const { parameters, trials, endsWhen } = iteration.preview(
      iteration.options.parse({ stop_on: 'max > 1us', until: { metric: 'p99', confidence: 0.9 } }),
    );
    expect({ parameters, trials }).to.deep.equal({ parameters: [{}], trials: undefined });
    expect(endsWhen).to.deep.equal([
      'max > 1us holds for a trial',
      'the mean of p99 is known within 5 % at 90 % confidence, after 3 to 100 trials',
    ]);
    const timed = durationRunner.preview(durationRunner.options.parse({ duration: '2m' }));
    expect(timed).to.deep.equal({ parameters: [{}], trials: undefined, duration: 120e9, endsWhen: [] });
  });

  it('names the statistics that are looked at, by the keys that they stand under', () => {
    const both = iteration.options.parse({ stop_on: 'max > 1us', until: { metric: 'p99' } });
    expect((iteration.slas?.(both) ?? []).map(({ path, sla }) => [path.join('.'), sla.expression])).to.deep.equal([
      ['stop_on', 'max > 1us'],
      ['until.metric', 'p99'],
    ]);
    expect(iteration.slas?.(iteration.options.parse({}))).to.deep.equal([]);
  });
});

describe('the trials of a runner', () => {
  it('begin with as many warm-ups as asked, of the first combination', async () => {
    const trials = await trialsOf(sweep, { over: { n: [1, 2] }, warm_up: 3 });
    expect(trials.map(({ parameters, warmUp }) => [parameters['n'], warmUp])).to.deep.equal([
      [1, true],
      [1, true],
      [1, true],
      [1, false],
      [2, false],
    ]);
  });

  it('have no pause where none is asked for', async () => {
    for (const trial of await trialsOf(iteration, { count: 2 })) expect(trial).to.not.have.property('pause');
  });

  it('end once a statistic is known exactly as well as asked', async () => {
    const values = [9000, 10_000, 11_000];
    const within = relativeHalfWidth(values, 0.95);
    const trials = (goal: number): Promise<unknown[]> =>
      trialsOf(iteration, { count: 4, until: { metric: 'max', within: goal } }, (_, number) =>
        measured(values[number % 3] ?? 0),
      );
    expect(await trials(within)).to.have.length(3);
    expect(await trials(within * 0.999)).to.have.length(4);
  });

  it('tell why they gave no value only where there is something to tell', async () => {
    const goal = { metric: 'max', at_least: 2, within: 0.01 };
    const outcome = await outcomeOf(iteration, { count: 2, until: goal }, (_, number) =>
      measured(...(number === 0 ? [1000] : [])),
    );
    expect(outcome?.missed?.[0]).to.match(/1 of 2 trials gave a value, 2 are needed \(.+\)$/);
  });

  it('do not depend on what is looked at where nothing is to stop them', async () => {
    expect(await trialsOf(iteration, { count: 3 }, () => measured())).to.have.length(3);
  });
});

describe('the order of a shuffle', () => {
  // Mulberry32 written down once more in another language gave these: an order is found again by its seed, in later versions too.
  it('is that of its seed', () => {
    const list = Array.from({ length: 12 }, (_, index) => index + 1);
    expect(shuffled(list, 1)).to.deep.equal([8, 1, 7, 12, 11, 3, 6, 9, 4, 10, 2, 5]);
    expect(shuffled(list, 2 ** 32 - 1)).to.deep.equal([11, 3, 9, 12, 8, 5, 7, 4, 1, 10, 6, 2]);
    expect(list).to.deep.equal(Array.from({ length: 12 }, (_, index) => index + 1));
    expect(shuffled([], 1)).to.deep.equal([]);
  });

  it('is that of its seed in long lists too', () => {
    const order = shuffled(
      Array.from({ length: 60 }, (_, index) => index),
      7,
    );
    expect(order.slice(0, 20)).to.deep.equal([
      0, 4, 58, 41, 31, 24, 28, 14, 34, 45, 15, 9, 47, 32, 12, 22, 18, 35, 19, 59,
    ]);
    const thousands = Array.from({ length: 5000 }, (_, index) => index);
    expect(shuffled(thousands, 7).slice(-6)).to.deep.equal([242, 1622, 4539, 1665, 1613, 4719]);
    expect(order.slice(-10)).to.deep.equal([20, 21, 16, 5, 52, 29, 17, 46, 36, 51]);
  });
});

describe('a range', () => {
  it('that never ends is a mistake, not an empty one', () => {
    const fits = (x: object): boolean => sweep.options.safeParse({ over: { x } }).success;
    expect(fits({ from: 1, to: 3, step: 0 })).to.equal(false);
    expect(fits({ from: '1us', to: 3, step: 1 })).to.equal(false);
    expect(fits({ from: 1, to: 3, step: 1 })).to.equal(true);
  });

  it('keeps digits of numbers of all sizes', () => {
    expect(range(12.5, 13.5, 0.5, 10)).to.deep.equal([12.5, 13, 13.5]);
    expect(range(1.5e-7, 2.5e-7, 5e-8, 10)).to.deep.equal([1.5e-7, 2e-7, 2.5e-7]);
    expect(range(1.5e22, 2.5e22, 5e21, 10)).to.deep.equal([1.5e22, 2e22, 2.5e22]);
    expect(range(12.25, 13.25, 1, 10)).to.deep.equal([12.25, 13.25]);
    expect(range(-12.25, -12.75, -0.25, 10)).to.deep.equal([-12.25, -12.5, -12.75]);
  });

  it('is none where a number is none', () => {
    expect(range(NaN, 1, 1, 10)).to.equal(undefined);
    expect(range(0, Infinity, 1, 10)).to.equal(undefined);
    expect(range(0, 1, NaN, 10)).to.equal(undefined);
  });

  it('has as many values as allowed, and no more', () => {
    expect(range(1, 3, 1, 3)).to.deep.equal([1, 2, 3]);
    expect(range(1, 4, 1, 3)).to.equal(undefined);
    expect(range(1, 3.9, 1, 3)).to.deep.equal([1, 2, 3]);
  });
});

describe('a mean of 0', () => {
  it('is known where all values are alike', () => {
    expect(relativeHalfWidth([0, 0, 0], 0.95)).to.equal(0);
    expect(relativeHalfWidth([], 0.95)).to.equal(Infinity);
    expect(relativeHalfWidth([0.5, 1.5], 0.95)).to.be.closeTo(12.7062047362 / 2, 1e-9);
    expect(relativeHalfWidth([-10, -10 - 1e-9], 0.95)).to.be.greaterThan(0);
  });
});
