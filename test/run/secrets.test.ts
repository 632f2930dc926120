import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { bodySchema, eventSchema, type EventBody } from '../../lib/run/event.js';
import { execute } from '../../lib/run/executor.js';
import { Redactor } from '../../lib/run/redact.js';
import { redactTree } from '../../lib/run/redact-tree.js';
import { Reduction, reduceRun } from '../../lib/run/reduce.js';
import { resultSchema, type Result } from '../../lib/run/result.js';
import { restoreHost } from '../../lib/run/stored-hosts.js';
import { RunStore } from '../../lib/run/store.js';
import { without } from '../../lib/suite/record.js';
import { iteration } from '../../runners/iteration.js';
import { inDirectory, latencies, planOf, scenarioOf, sla, testOf } from './support.js';

const words = [
  '0',
  '1',
  'root',
  'pass',
  'ns',
  'true',
  'null',
  'latency',
  'trial-finished',
  'HISTF',
  '2222',
  '/',
  '"',
  '\\',
];

const secret = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...words) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }) },
  {
    weight: 2,
    arbitrary: fc.string({
      unit: fc.constantFrom(...'\'"\\\n\r\t$&`[](){}*+?.|^-/:,a1é€😀'.split('')),
      minLength: 1,
      maxLength: 12,
    }),
  },
  { weight: 1, arbitrary: fc.nat().map(String) },
);

/** From here on a secret is told from a word that stands in texts anyway. */
const isLong = (text: string): boolean => text.trim().length >= 4 && !/^\d+$/.test(text.trim());

/** A run whose tool, machine and scenario say the secret wherever they may say something. */
const tellingRun = async (
  results: string,
  secrets: readonly string[],
): Promise<{ result: Result; directory: string }> => {
  const said = secrets.map((one) => `told ${one} and '${one}'`).join('; ');
  const scenario = scenarioOf(async (trial) => {
    const job = await trial.start(['sh', '-c', 'printf %s "$1"; printf %s "$1" >&2', 'sh', said]);
    await job.wait({ timeout: 30_000 });
    return latencies([1000, 2000], {
      notes: { said, whole: secrets[0] ?? '' },
      breach: `stopped: ${said}`,
      metrics: latencies([1000, 2000]).metrics.map((metric) => ({ ...metric, labels: { thread: '0', said } })),
    });
  });
  const runner = { definition: iteration, options: iteration.options.parse({ count: 2 }) };
  const test = testOf(scenario, { sla: [sla('max <= 5us')], runner, parameters: { said, list: [...secrets] } });
  return execute(planOf([test], undefined, { secrets }), { results });
};

const filesOf = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));

describe('secrets', function () {
  this.timeout(240_000);

  it('are in no file of a run, and nothing else of it is changed', async () => {
    const secrets = [
      "hun'ter2",
      'two\nlines-of-it',
      'a"quote\\',
      'root',
      'pass',
      'ns',
      '0',
      '$&(.*)[x]',
      'схов€😀',
      '2222',
    ];
    await inDirectory(async (results) => {
      const plain = await tellingRun(results, []);
      const { result, directory } = await tellingRun(results, secrets);
      const { breach } = latencies([1], { breach: '' });
      expect(breach).to.equal('');
      expect([result.verdict, result.exitCode]).to.deep.equal([plain.result.verdict, plain.result.exitCode]);
      expect(await reduceRun(directory)).to.deep.equal(result);
      expect(resultSchema.parse(JSON.parse(await readFile(path.join(directory, 'result.json'), 'utf8')))).to.deep.equal(
        result,
      );
      const [trial, before] = [result.tests[0]?.trials[0], plain.result.tests[0]?.trials[0]];
      expect(trial?.metrics.map(({ name, kind, unit }) => [name, kind, unit])).to.deep.equal(
        before?.metrics.map(({ name, kind, unit }) => [name, kind, unit]),
      );
      expect(trial?.notes['whole']).to.equal('[redacted]');
      const files = await filesOf(directory);
      expect(files.map((file) => path.basename(file))).to.include.members(['stdout.txt', 'stderr.txt', 'test.hlog']);
      for (const file of files) {
        const text = await readFile(file, 'utf8');
        for (const one of secrets.filter(isLong)) {
          // Words that the facts of a machine or our own names hold anyway are taken out of free texts only.
          if (words.includes(one)) continue;
          expect(text, file).to.not.contain(one);
          expect(text, file).to.not.contain(JSON.stringify(one).slice(1, -1));
        }
      }
    });
  });

  it('leave 1,000 runs whole that hold one each, whatever it is', async () => {
    let bodies: EventBody[] = [];
    await inDirectory(async (results) => {
      const { directory } = await tellingRun(results, []);
      bodies = (await readFile(path.join(directory, 'events.ndjson'), 'utf8'))
        .trimEnd()
        .split('\n')
        .map((line) => {
          return bodySchema.parse(without(eventSchema.parse(JSON.parse(line)), 'seq', 'at'));
        });
    });
    const reduced = (events: readonly EventBody[]): Result => {
      const reduction = new Reduction();
      for (const [seq, body] of events.entries()) reduction.add({ ...body, seq, at: '2026-01-01T00:00:00.000Z' });
      return reduction.result();
    };
    const telling = (one: string): EventBody[] =>
      bodies.map((body) => {
        if (body.type !== 'trial-finished') return body;
        const { trial } = body;
        return {
          ...body,
          trial: {
            ...trial,
            notes: { said: `before ${one} after`, whole: one, json: JSON.stringify({ one }) },
            load: [`tool '${one}'`],
          },
        };
      });
    const ids = (result: Result): unknown => [
      ...[result.runId, result.verdict, result.exitCode, result.startedAt, Object.keys(result.environment)],
      result.tests.map(({ name, context, scenario, verdict, metrics, trials }) => [
        ...[name, context, scenario, verdict, metrics.map((metric) => without(metric, 'labels'))],
        trials.map(({ id, parameters, startedAt, duration, sla: outcomes }) => [
          ...[id, Object.keys(parameters), startedAt, duration],
          outcomes.map(({ expression, observed, verdict: of }) => [expression, observed, of]),
        ]),
      ]),
    ];
    const wanted = ids(reduced(bodies));
    fc.assert(
      fc.property(secret, (one) => {
        const hide = new Redactor([one], { kept: 'run-1' });
        const lines = telling(one).map((body) => JSON.stringify(redactTree(bodySchema, body, hide)));
        const result = reduced(lines.map((line) => bodySchema.parse(JSON.parse(line))));
        expect(() => resultSchema.parse(result)).to.not.throw();
        expect(ids(result)).to.deep.equal(wanted);
        const { notes, load } = result.tests[0]!.trials[0]!;
        expect(notes['whole']).to.equal('[redacted]');
        // Those that our own words hold anyway are no measure.
        if (isLong(one) && !'before [redacted] after tool json'.includes(one.trim()))
          for (const text of [...Object.values(notes), ...load]) expect(text).to.not.contain(one);
      }),
      { numRuns: 1000 },
    );
  });

  it('are taken out of files of any size, wherever they lie in them', async () => {
    await inDirectory(async (results) => {
      const one = 'correct-horse-бattery';
      await using store = await RunStore.create(results, 'run', { secrets: [one, '1234567'] });
      const directory = path.join(store.directory, 'test/0/raw');
      await mkdir(directory, { recursive: true });
      const filling = 'x'.repeat((1 << 20) - 7);
      const [big, numbers] = [path.join(directory, 'big'), path.join(directory, 'numbers')];
      await writeFile(big, `${one}${filling}${one}${filling}${one}${one.slice(0, 5)}`);
      await writeFile(numbers, '{"count": 1234567}');
      await store.redact('test/0');
      expect(await readFile(big, 'utf8')).to.equal(`[redacted]${filling}[redacted]${filling}[redacted]corre`);
      expect(await readFile(numbers, 'utf8')).to.equal('{"count": 1234567}');
      expect((await readdir(directory)).sort()).to.deep.equal(['big', 'numbers']);
    });
  });
});

describe('how hosts are reached', () => {
  it('is kept as written, and put together again', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, identity) => {
        const written = { user: 'u-${env:WHO}', identity: '$${env:WHO}/${env:KEY}', port: '${env:PORT}' };
        const { spec, secrets } = restoreHost('node', written, { WHO: user, KEY: identity, PORT: '2222' });
        expect(spec).to.include({ user: `u-${user}`, identity: `\${env:WHO}/${identity}`, port: 2222 });
        expect([...secrets].sort()).to.deep.equal([...new Set([user, identity, '2222'])].sort());
      }),
    );
  });

  it('names the variable that is not set any more', () => {
    expect(() => restoreHost('node', { user: '${env:WHO}' }, {})).to.throw("environment variable 'WHO' is not set");
  });
});
