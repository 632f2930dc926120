import { expect } from 'chai';
import { kvmGuest } from '../../lib/contexts/kvm-guest/index.js';
import { bareMetal } from '../../lib/contexts/bare-metal.js';
import { TuningForecast } from '../../lib/report/plan-states.js';
import { planTest } from '../../lib/report/plan.js';
import type { PlannedContext } from '../../lib/run/plan.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import { latencies, planOf, scenarioOf, testOf } from '../run/support.js';

const scenario = scenarioOf(() => Promise.resolve(latencies([1])));
const tuning = tuningSchema.parse({ knobs: { 'stat-interval': 10 } });
const contextOf = (name: string, rest: Partial<PlannedContext> = {}): PlannedContext => ({
  ...{ name, definition: bareMetal, options: {}, on: 'local', provision: false },
  ...rest,
});

const told = async (contexts: readonly PlannedContext[], names: readonly string[]): Promise<(readonly string[])[]> => {
  const tests = names.map((context, index) => testOf(scenario, { name: `${String(index)}-${context}`, context }));
  const plan = planOf(tests, undefined, { contexts: new Map(contexts.map((one) => [one.name, one])) });
  const forecast = await TuningForecast.of(plan);
  return tests.map((test) => {
    const before = forecast.before(test);
    expect(planTest(plan, test, before).steps).to.include.members([...before]);
    return before;
  });
};

const back = (name: string): string => `before: put back the tuning of ${name}, with what was deployed under it`;
const again = (name: string): string => `before: set the tuning of ${name} once more`;

describe('the plan of tunings', () => {
  it('tells where one is put back and set once more', async () => {
    const contexts = [contextOf('plain'), contextOf('a', { tuning }), contextOf('b', { tuning })];
    expect(await told(contexts, ['plain', 'a', 'a', 'plain', 'b', 'a'])).to.deep.equal([
      [],
      [],
      [],
      [back('a')],
      [],
      [back('b'), again('a')],
    ]);
  });

  it('knows that a guest is another machine than its host', async () => {
    const options = kvmGuest.options.parse({ image: 'debian-12-rt' });
    const contexts = [
      contextOf('plain'),
      contextOf('a', { tuning }),
      contextOf('guest', { definition: kvmGuest, options, on: 'plain', tuning }),
      contextOf('on-a', { definition: kvmGuest, options, on: 'a' }),
    ];
    expect(await told(contexts, ['guest', 'plain', 'on-a', 'plain', 'on-a'])).to.deep.equal([
      [],
      [],
      [],
      [back('a')],
      [again('a')],
    ]);
  });

  it('has nothing to tell of a profile that only looks', async () => {
    const observe = tuningSchema.parse({ profile: 'observe' });
    expect(await told([contextOf('plain'), contextOf('a', { tuning: observe })], ['a', 'plain', 'a'])).to.deep.equal([
      [],
      [],
      [],
    ]);
  });
});
