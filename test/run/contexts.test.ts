import { expect } from 'chai';
import type { Traits } from '../../lib/contexts/context.js';
import { SimulatedHost } from '../../lib/host/simulated.js';
import { defineContext, z, type ContextDefinition, type Deployment, type Host } from '../../lib/plugin.js';
import { execute, type RunOutcome } from '../../lib/run/executor.js';
import type { Plan } from '../../lib/run/plan.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const good = scenarioOf(() => Promise.resolve(latencies([1000])));

const run = (plan: Plan, options: Parameters<typeof execute>[1] = {}): Promise<RunOutcome> =>
  inDirectory((results) => execute(plan, { results, ...options }));

/** A context that gives what `sut` says, and tells in `ended` when it is taken down. */
const contextOf = (
  sut: (beneath: Host) => Host,
  rest: { readonly traits?: Traits; readonly ended?: string[]; readonly dispose?: () => Promise<void> } = {},
): ContextDefinition =>
  defineContext({
    type: 'given',
    summary: 'Gives a machine',
    options: z.strictObject({}),
    preview: () => [],
    deploy: (_options, { host, name }): Promise<Deployment> =>
      Promise.resolve({
        sut: sut(host),
        traits: rest.traits ?? {},
        [Symbol.asyncDispose]: async () => {
          rest.ended?.push(name);
          await rest.dispose?.();
        },
      }),
  });

const facts = (clocksource: string): Record<string, string> => ({
  '/sys/devices/system/cpu/online': '0\n',
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': `${clocksource}\n`,
});

describe('a context that was deployed', () => {
  it('is taken down where the facts of its machine can not be read', async () => {
    const ended: string[] = [];
    const { result } = await run(
      planOf(
        [testOf(good)],
        contextOf(() => new SimulatedHost({ files: {} }), { ended }),
      ),
    );
    expect([result.verdict, result.exitCode]).to.deep.equal(['error', 3]);
    expect(ended).to.deep.equal(['metal']);
  });

  it('is taken down where the run is interrupted before it was told of', async () => {
    const ended: string[] = [];
    const controller = new AbortController();
    const sut = (): Host => {
      controller.abort();
      return new SimulatedHost({ files: facts('tsc') });
    };
    const { result } = await run(planOf([testOf(good)], contextOf(sut, { ended })), { signal: controller.signal });
    expect(result.exitCode).to.equal(130);
    expect(ended).to.deep.equal(['metal']);
  });

  it('and can then not be taken down either is told of', async () => {
    const dispose = (): Promise<void> => Promise.reject(new Error('stuck fast'));
    const { result } = await run(
      planOf(
        [testOf(good)],
        contextOf(() => new SimulatedHost(), { dispose }),
      ),
    );
    expect(result.exitCode).to.equal(6);
    expect(result.problems.map(({ message }) => message)).to.deep.equal(['stuck fast']);
  });

  it('is emulated where what is beneath it is', async () => {
    const emulated = contextOf((host) => host, { traits: { emulated: true } });
    const real = contextOf((host) => host, { traits: { emulated: false } });
    const at = (name: string, definition: ContextDefinition, on: string) =>
      [name, { name, definition, options: {}, on, provision: false }] as const;
    const contexts = new Map([at('outer', emulated, 'local'), at('inner', real, 'outer'), at('metal', real, 'local')]);
    const tests = ['inner', 'metal'].map((context) => testOf(good, { name: context, context }));
    const { result } = await run(planOf(tests, real, { contexts }));
    expect(result.contexts['inner']?.traits['emulated']).to.equal(true);
    expect(result.contexts['metal']?.traits['emulated']).to.equal(false);
  });

  it('tells what changed on its machine while it was there', async () => {
    const sut = new SimulatedHost({ files: facts('tsc') });
    const scenario = scenarioOf(() => {
      sut.files.set('/sys/devices/system/clocksource/clocksource0/current_clocksource', 'hpet\n');
      return Promise.resolve(latencies([1000]));
    });
    const { result } = await run(
      planOf(
        [testOf(scenario)],
        contextOf(() => sut),
      ),
    );
    expect(result.environmentChanges['metal']).to.deep.equal(['clocksource.current: tsc -> hpet']);
  });
});
