import { expect } from 'chai';
import { builtins } from '../../lib/builtins.js';
import { defineRunner, Histogram, z, type Measurement } from '../../lib/plugin.js';
import { execute } from '../../lib/run/executor.js';
import type { PlannedTest } from '../../lib/run/plan.js';
import { reduceRun } from '../../lib/run/reduce.js';
import type { Result } from '../../lib/run/result.js';
import { loadSuite } from '../../lib/suite/load.js';
import { withFiles } from '../suite/files.js';
import { inDirectory, latencies, planOf, scenarioOf, sla, testOf } from './support.js';

/** Runs the test beside one that passes, and reads the result again from its events. */
const resultOf = (test: PlannedTest): Promise<Result> =>
  inDirectory(async (results) => {
    const other = testOf(
      scenarioOf(() => Promise.resolve(latencies([5]))),
      { name: 'other' },
    );
    const { result, directory } = await execute(planOf([test, other]), { results });
    expect(await reduceRun(directory)).to.deep.equal(result);
    expect(result.tests.find(({ name }) => name === 'other')?.verdict).to.equal('pass');
    return result;
  });

const reasonOf = async (test: PlannedTest): Promise<string> => {
  const { tests, exitCode } = await resultOf(test);
  expect(exitCode).to.equal(5);
  expect(tests[0]?.verdict).to.equal('error');
  return tests[0]?.reasons.join('\n') ?? '';
};

const [latency] = latencies([5]).metrics;
const gauge = { kind: 'gauge', name: 'load', unit: 'count', labels: {}, value: 1 };
const counter = { ...gauge, kind: 'counter' };
const withMetric = (metric: unknown): unknown => ({ duration: 1e9, metrics: [latency, metric] });

describe('kind: what the scenario of a plug-in gives back', () => {
  const nothing: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing', undefined, /expected object, received undefined/],
    ['no metrics', { duration: 1 }, /metrics: /],
    ['a gauge that is no number', withMetric({ ...gauge, value: NaN }), /metrics\.1\.value: .*NaN/],
    ['an endless gauge', withMetric({ ...gauge, value: Infinity }), /metrics\.1\.value: .*Infinity/],
    ['a number as text', withMetric({ ...gauge, value: '7' }), /metrics\.1\.value: .*string/],
    ['a bigint', withMetric({ ...gauge, value: 7n }), /metrics\.1\.value: .*bigint/],
    ['a counter below 0', withMetric({ ...counter, value: -1 }), /never below 0: did it wrap/],
    ['a counter of 2^64', withMetric({ ...counter, value: 2 ** 64 }), /is not exact: did it wrap/],
    ['an unknown unit', withMetric({ ...gauge, unit: 'furlong' }), /metrics\.1\.unit: /],
    ['an unknown kind', withMetric({ ...gauge, kind: 'heap' }), /metrics\.1\.kind: /],
    ['a number as label', withMetric({ ...gauge, labels: { cpu: 3 } }), /metrics\.1\.labels\.cpu: /],
    ['no histogram', withMetric({ ...latency, histogram: {} }), /metrics\.1\.histogram: expected a Histogram/],
    [
      'another kind than promised',
      withMetric({ ...gauge, name: 'latency' }),
      /'latency' is a gauge of count, and was to/,
    ],
    ['no duration', { metrics: [latency] }, /duration: /],
    ['a duration below 0', { ...latencies([5]), duration: -1 }, /duration: /],
    ['a breach without words', { ...latencies([5]), breach: '' }, /breach: /],
    ['notes that are numbers', { ...latencies([5]), notes: { version: 2 } }, /notes\.version: /],
    ['doubts that are no list', { ...latencies([5]), doubts: 'perhaps' }, /doubts: /],
    [
      'an interval that ends before it begins',
      {
        ...latencies([5]),
        intervals: [{ metric: 'latency', labels: {}, start: 5, end: 1, histogram: new Histogram() }],
      },
      /intervals\.0: from 5 ns to 1 ns/,
    ],
  ];
  for (const [what, measured, reason] of nothing)
    it(`${what} is an error of its test, and the run can be read`, async () => {
      const test = testOf(
        scenarioOf(() => Promise.resolve(measured as Measurement)),
        { sla: [sla('latency.max <= 1s')] },
      );
      expect(await reasonOf(test)).to.match(reason);
    });

  it('outside of a window is an error where a load was to run', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([5])));
    const load = [{ stressor: 'cpu', workers: 1 }] as const;
    expect(await reasonOf(testOf(scenario, { load }))).to.match(/outside of a window: the load of the test never ran/);
  });
});

describe('kind: what the runner of a plug-in asks for', () => {
  type Yields = () => Generator<unknown, unknown, unknown>;
  const asking = (trials: Yields): PlannedTest => {
    const definition = defineRunner({
      type: 'odd',
      summary: 'Asks for what a test says',
      options: z.strictObject({}),
      preview: () => ({ parameters: [{}], trials: undefined }),
      trials: trials as never,
    });
    const scenario = scenarioOf(({ options: { value } }) => Promise.resolve(latencies([value])));
    return testOf(scenario, { runner: { definition, options: {} } });
  };
  const fine = { parameters: {} };
  const wrong: readonly (readonly [string, Yields, RegExp])[] = [
    [
      'nothing',
      function* () {
        yield undefined;
      },
      /'odd' asked for no trial/,
    ],
    [
      'no parameters',
      function* () {
        yield {};
      },
      /asked for no trial: parameters/,
    ],
    [
      'options that do not fit',
      function* () {
        yield { parameters: { value: 'x' } };
      },
      /options that don't fit: value/,
    ],
    [
      'unknown options',
      function* () {
        yield { parameters: { odd: 1 } };
      },
      /options that don't fit: .*odd/,
    ],
    [
      'a bigint',
      function* () {
        yield { parameters: { value: 5n } };
      },
      /asked for no trial: parameters\.value/,
    ],
    [
      'a pause that is no number',
      function* () {
        yield fine;
        yield { ...fine, pause: NaN };
      },
      /no trial: pause/,
    ],
    [
      'a warm-up in words',
      function* () {
        yield { ...fine, warmUp: 'yes' };
      },
      /no trial: warmUp/,
    ],
    [
      'an outcome that is no list',
      function* () {
        yield fine;
        return { missed: 'abc' };
      },
      /no outcome: missed/,
    ],
    [
      'a number as outcome',
      function* () {
        yield fine;
        return 5;
      },
      /gave back no outcome/,
    ],
    [
      'an error at its end',
      function* () {
        try {
          yield { parameters: { value: 'x' } };
        } finally {
          throw new Error('late');
        }
      },
      /don't fit/,
    ],
  ];
  for (const [what, trials, reason] of wrong)
    it(`${what} is an error of its test, and the run can be read`, async () => {
      expect(await reasonOf(asking(trials))).to.match(reason);
    });

  it('is taken as before where keys are undefined', async () => {
    const test = asking(function* () {
      yield { parameters: { value: undefined }, warmUp: undefined, pause: undefined };
      return undefined;
    });
    expect((await resultOf(test)).verdict).to.equal('pass');
  });
});

describe('kind: what a plug-in defines', () => {
  const scenario = (rest: string): string => `
    const options = { safeParse: (data) => ({ success: true, data }) };
    const fine = { kind: 'scenario', apiVersion: 1, type: 'odd', summary: '', options,
      metrics: () => [], needs: () => [], preview: () => ({ commands: [] }), measure: async () => undefined };
    export default { ...fine, ${rest} };`;
  for (const [what, rest, said] of [
    ['a scenario that can not measure', 'measure: undefined', "scenario 'odd' has no function 'measure'"],
    ['a preview that throws', "preview: () => { throw new Error('boom'); }", "'odd' can't be previewed: boom"],
    ['a preview of NaN', 'preview: () => ({ commands: [], duration: NaN })', 'it would take NaN ns'],
  ] as const)
    it(`${what} is a mistake of the suite`, async () => {
      await withFiles(
        {
          'odd.mjs': scenario(rest),
          'suite.yaml':
            'suite: s\nplugins: [./odd.mjs]\ncontexts: { metal: { type: bare-metal } }\ntests: [{ name: t, scenario: odd, context: metal }]\n',
        },
        async (directory) => {
          const loaded = loadSuite(`${directory}/suite.yaml`, { registry: builtins() });
          const message = await loaded.then(
            () => 'taken',
            (error: unknown) => (error as Error).message,
          );
          expect(message).to.contain(said);
        },
      );
    });
});
