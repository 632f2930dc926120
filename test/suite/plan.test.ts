import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import type { LoadedSuite } from '../../lib/suite/load.js';
import { planSuite, type PlanOptions } from '../../lib/suite/plan.js';
import { load } from './files.js';

const text = `suite: x
contexts: { metal: { type: bare-metal } }
defaults: { context: metal, tags: [all] }
tests:
  - { name: "timer-\${load}", scenario: timer, load: { stressor: "\${load}" }, matrix: { load: [none, cpu, vm, io] } }
  - { name: "a.b [c]", scenario: timer, tags: [odd, all] }
  - { name: last, scenario: timer, tags: [] }
`;

const names = (loaded: LoadedSuite, options: PlanOptions) =>
  [...planSuite(loaded, options).tests()].map(({ name }) => name);
const refusal = (loaded: LoadedSuite, options: PlanOptions): string => {
  try {
    planSuite(loaded, options);
  } catch (error) {
    if (Kvm4nfvError.is(error) && error.fault === 'usage') return `${error.message}; ${error.hint ?? ''}`;
    throw error;
  }
  return '';
};

describe('planning a suite', () => {
  let loaded: LoadedSuite;
  before(async () => {
    loaded = await load(text);
  });

  it('keeps all tests in their order, each time they are asked for', () => {
    const plan = planSuite(loaded);
    const order = ['timer-none', 'timer-cpu', 'timer-vm', 'timer-io', 'a.b [c]', 'last'];
    expect([...plan.tests()].map(({ name }) => name)).to.deep.equal(order);
    expect([...plan.tests()].map(({ name }) => name)).to.deep.equal(order);
    expect(plan.suite.name).to.equal('x');
    expect(plan.parallel).to.equal(1);
    expect(planSuite(loaded, { parallel: 3 }).parallel).to.equal(3);
  });

  it('chooses by patterns in which only * and ? are special', () => {
    expect(names(loaded, { only: ['timer-*'] })).to.have.length(4);
    expect(names(loaded, { only: ['timer-?o', 'last'] })).to.deep.equal(['timer-io', 'last']);
    expect(names(loaded, { only: ['a.b [c]'] })).to.deep.equal(['a.b [c]']);
    expect(refusal(loaded, { only: ['aab [c]'] })).to.match(/fits no test/);
    expect(refusal(loaded, { only: ['timer'] })).to.match(/fits no test/);
  });

  it('chooses by tags, of which a test must have one', () => {
    expect(names(loaded, { tags: ['odd'] })).to.deep.equal(['a.b [c]']);
    expect(names(loaded, { tags: ['odd', 'all'] })).to.have.length(5);
    expect(names(loaded, { tags: ['all'], only: ['*i*'] })).to.deep.equal([
      'timer-none',
      'timer-cpu',
      'timer-vm',
      'timer-io',
    ]);
  });

  it('refuses what fits nothing, and says what was meant', () => {
    expect(refusal(loaded, { only: ['timer-*', 'lst'] })).to.match(
      /--only 'lst' fits no test of .*; did you mean 'last'\?/,
    );
    expect(refusal(loaded, { tags: ['nightly'] })).to.match(
      /--tag 'nightly': no test of .* has it; there are all, odd/,
    );
    expect(refusal(loaded, { only: ['last'], tags: ['all'] })).to.match(/together fit no test/);
  });

  it('shards so that each test is in exactly one shard', () => {
    for (const count of [1, 2, 3, 4, 9]) {
      const shards = Array.from({ length: count }, (_, index) => names(loaded, { shard: { index: index + 1, count } }));
      expect(shards.flat().sort()).to.deep.equal(names(loaded, {}).sort());
      expect(
        Math.max(...shards.map(({ length }) => length)) - Math.min(...shards.map(({ length }) => length)),
      ).to.be.at.most(1);
    }
    expect(names(loaded, { only: ['timer-*'], shard: { index: 2, count: 2 } })).to.deep.equal([
      'timer-cpu',
      'timer-io',
    ]);
    for (const shard of [
      { index: 0, count: 2 },
      { index: 3, count: 2 },
      { index: 1.5, count: 2 },
      { index: 1, count: NaN },
    ])
      expect(refusal(loaded, { shard })).to.match(/is no shard/);
  });

  it('makes 10,000 tests one at a time, without keeping them', async function () {
    this.timeout(60_000);
    const digits = '[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]';
    const many = await load(
      `suite: x\ncontexts: { metal: { type: bare-metal } }\ntests: [ { name: t, scenario: timer, context: metal, options: { secret: "\${a}\${b}\${c}\${d}" }, matrix: { a: ${digits}, b: ${digits}, c: ${digits}, d: ${digits} }, sla: ["max <= 5us"] } ]\n`,
    );
    let count = 0;
    const kept: WeakRef<object>[] = [];
    for (const test of planSuite(many).tests()) {
      count++;
      if (count % 100 === 0) kept.push(new WeakRef(test));
      // Weak references live on until the end of the turn in which they were made.
      if (count % 1000 === 0) await new Promise(setImmediate);
    }
    expect(count).to.equal(10_000);
    const { setFlagsFromString } = await import('node:v8');
    setFlagsFromString('--expose-gc');
    const { runInNewContext } = await import('node:vm');
    (runInNewContext('gc') as () => void)();
    expect(kept.filter((one) => one.deref() !== undefined).length).to.be.lessThan(10);
  });
});
