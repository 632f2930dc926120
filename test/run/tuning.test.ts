import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'chai';
import { execute } from '../../lib/run/executor.js';
import type { Plan } from '../../lib/run/plan.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import { machineIsFree } from '../tuning/this-machine.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const knob = '/proc/sys/vm/stat_interval';
const value = async (): Promise<string> => (await readFile(knob, 'utf8')).trim();

const tuned = (tests: Parameters<typeof planOf>[0], knobs: Record<string, unknown>): Plan => {
  const plan = planOf(tests);
  const metal = plan.contexts.get('metal');
  if (metal === undefined) throw new Error('no context');
  return { ...plan, contexts: new Map([['metal', { ...metal, tuning: tuningSchema.parse({ knobs }) }]]) };
};

describe('a tuned context', function () {
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });
  beforeEach(machineIsFree);

  it('is in effect while measuring and put back afterwards', async () => {
    const before = await value();
    const wanted = before === '11' ? '12' : '11';
    let during = '';
    const scenario = scenarioOf(async () => {
      during = await value();
      return latencies([1000]);
    });
    await inDirectory(async (results) => {
      const { result } = await execute(tuned([testOf(scenario)], { 'stat-interval': Number(wanted) }), { results });
      expect(result.verdict).to.equal('pass');
      expect(during).to.equal(wanted);
      expect(
        result.contexts['metal']?.tuning?.knobs.map(({ knob: name, requested, effective, state }) => [
          name,
          requested,
          effective,
          state,
        ]),
      ).to.deep.equal([['stat-interval', wanted, wanted, 'ok']]);
    });
    expect(await value()).to.equal(before);
  });

  it('makes a trial an error of the environment when a knob drifts while it is measured', async () => {
    const before = await value();
    const wanted = before === '11' ? 12 : 11;
    const scenario = scenarioOf(async () => {
      await writeFile(knob, '13');
      return latencies([1000]);
    });
    try {
      await inDirectory(async (results) => {
        const { result } = await execute(tuned([testOf(scenario)], { 'stat-interval': wanted }), { results });
        expect([result.verdict, result.exitCode]).to.deep.equal(['error', 3]);
        expect(result.tests[0]?.reasons.join(' ')).to.contain(
          `knob stat-interval drifted from ${String(wanted)} to 13 while measuring`,
        );
        expect(result.problems.map(({ message }) => message).join(' ')).to.contain('changed by others, left alone');
      });
      expect(await value()).to.equal('13');
    } finally {
      await writeFile(knob, before);
    }
  });

  it('stops before measuring when a knob is not in effect', async () => {
    let measured = false;
    const scenario = scenarioOf(() => {
      measured = true;
      return Promise.resolve(latencies([1000]));
    });
    await inDirectory(async (results) => {
      const { result } = await execute(tuned([testOf(scenario)], { 'skew-tick': 1 }), { results });
      expect(result.exitCode).to.equal(3);
      expect(result.tests[0]?.reasons.join(' ')).to.contain('only a reboot sets skew-tick');
    });
    expect(measured).to.equal(false);
  });
});
