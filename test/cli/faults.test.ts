import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { processesWith } from '../support/processes.js';
import {
  built,
  Cli,
  cli,
  eventsIn,
  inDirectory,
  leftOf,
  long,
  measuring,
  onlyResult,
  pathWithout,
  root,
  stackTrace,
  suiteOf,
  writeSuite,
  type Ended,
} from './cli.js';
import type { Result } from '../../lib/run/result.js';

interface Outcome extends Ended {
  readonly result: Result;
}

/** Runs a suite to its end; nothing may be left of it. */
const run = async (directory: string, suite: string, env: Record<string, string> = {}): Promise<Outcome> => {
  const ended = await cli(['run', await writeSuite(directory, suite)], { cwd: directory, env });
  expect(ended.stdout + ended.stderr).to.not.match(stackTrace);
  const result = await onlyResult(directory);
  expect(await leftOf(result.runId)).to.deep.equal([]);
  expect(ended.code).to.equal(result.exitCode);
  return { ...ended, result };
};

const reasons = ({ result }: Outcome): string => result.tests.flatMap((test) => test.reasons).join('\n');

/** A PATH whose cyclictest is this shell script. */
const withTool = async (directory: string, script: string): Promise<Record<string, string>> => {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  const help = 'case "$*" in *--help*) echo "usage: --json --histogram"; exit 0 ;; esac';
  await writeFile(join(bin, 'cyclictest'), `#!/bin/sh\n${help}\n${script}\n`);
  await chmod(join(bin, 'cyclictest'), 0o755);
  return { PATH: `${bin}:${process.env['PATH'] ?? ''}` };
};

const document = (thread: string, rest = ''): string =>
  `cat >cyclictest.json <<'END'\n{ "file_version": 1, "rt_test_version": "2.4", "resolution_in_ns": 0, "num_threads": 1, "thread": { "0": ${thread} } }${rest}\nEND`;
const honest = '{ "histogram": { "10": 200, "20": 100 }, "cycles": 300, "min": 10, "max": 20, "avg": 13.33, "cpu": 0 }';

describe('kind: an error that nobody catches', function () {
  this.timeout(90_000);
  before(built);

  const plugin = (late: string): string => `
    import { defineScenario, z } from '${join(root, 'dist/plugin.js')}';
    export default defineScenario({
      type: 'stray', summary: 'Fails where nobody waits', options: z.strictObject({}), needs: () => [],
      metrics: () => [{ name: 'g', kind: 'gauge', unit: 'count', description: '' }], preview: () => ({ commands: [] }),
      measure: (trial) => trial.window(async () => {
        await trial.start(['sleep', '60']);
        ${late}
        await new Promise((resolve) => trial.signal.addEventListener('abort', resolve));
        return { duration: 1e9, metrics: [{ kind: 'gauge', name: 'g', unit: 'count', labels: {}, value: 1 }] };
      }),
    });`;

  for (const [what, late] of [
    ['a rejection', "void Promise.reject(new Error('too late'));"],
    ['one that is thrown in a timer', "setTimeout(() => { throw new Error('too late'); });"],
  ] as const)
    it(`ends the run with 5 once everything is put back: ${what}`, async () => {
      await inDirectory(async (directory) => {
        await writeFile(join(directory, 'stray.mjs'), plugin(late));
        const suite = [
          'suite: stray',
          'plugins: [./stray.mjs]',
          'contexts: { metal: { type: bare-metal } }',
          'tests: [{ name: t, scenario: stray, context: metal }]',
        ];
        const outcome = await run(directory, suite.join('\n'));
        expect(outcome.code).to.equal(5);
        expect(outcome.stderr).to.contain('error: too late [E_INTERNAL]');
        expect(outcome.result.problems.map(({ fault, message }) => ({ fault, message }))).to.deep.equal([
          { fault: 'internal', message: 'an error that nobody caught: too late' },
        ]);
      });
    });

  it('is no stack trace where there is nothing to put back', async () => {
    await inDirectory(async (directory) => {
      await writeFile(join(directory, 'stray.mjs'), "void Promise.reject(new Error('too late')); export default [];");
      const { code, stderr } = await cli(['list', '--plugin', './stray.mjs'], { cwd: directory });
      expect(stderr).to.contain('error: too late [E_INTERNAL]').and.not.match(stackTrace);
      expect(code).to.equal(5);
    });
  });
});

describe('a verdict that is not pass', function () {
  this.timeout(90_000);
  before(built);

  it('fails with 1 where an SLA is broken, and shows what was observed', async () => {
    await inDirectory(async (directory) => {
      const outcome = await run(directory, suiteOf({ sla: ['max <= 1us', 'samples >= 300'] }));
      expect(outcome.code).to.equal(1);
      expect(outcome.stdout).to.match(/^ {2}fail +max <= 1us {2}\(observed [\d.]+[um]?s\)$/m);
      expect(outcome.stdout).to.match(/^ {2}pass +samples >= 300 {2}\(observed 300\)$/m);
      expect(outcome.stdout).to.match(/^small: fail$/m);
    });
  });

  it('has no data, and 1, where the samples do not support a percentile', async () => {
    await inDirectory(async (directory) => {
      const outcome = await run(directory, suiteOf({ sla: ['p99.99 <= 1s'] }));
      expect([outcome.code, outcome.result.verdict]).to.deep.equal([1, 'no-data']);
      expect(outcome.stdout).to.match(/no-data +p99\.99 <= 1s {2}\(.*300 samples, 100000 needed\)/);
    });
  });

  it('fails with 1 where cyclictest stopped at its break value', async () => {
    await inDirectory(async (directory) => {
      const outcome = await run(directory, suiteOf({ options: { ...long, break: '1us' } }));
      expect([outcome.code, outcome.result.verdict]).to.deep.equal([1, 'fail']);
      expect(outcome.stdout).to.match(/fail +thread 0 had a latency of \d+ us, above the 1 us of break/);
    });
  });

  it('is an error, and 5, where the load died', async () => {
    await inDirectory(async (directory) => {
      const options = { cpus: 0, duration: '2s', histogram: '20ms', break: 'none' };
      const going = new Cli(
        ['run', await writeSuite(directory, suiteOf({ options, load: { stressor: 'cpu', cpus: 0, workers: 1 } }))],
        { cwd: directory },
      );
      const { run: id, trial } = await measuring(directory);
      const pid = Number(await readFile(`/run/kvm4nfv/${id}/${trial}-load0/pid`, 'utf8'));
      process.kill(pid, 'SIGKILL');
      const { code, stdout } = await going.ended;
      expect(code, stdout).to.equal(5);
      expect(stdout).to.match(/error +local: load .* \(stress-ng .*\) (died|has only)/);
      expect(stdout).to.not.match(stackTrace);
      expect(await leftOf(id)).to.deep.equal([]);
      expect(processesWith('stress-ng', '--taskset').filter((each) => each === pid)).to.deep.equal([]);
    });
  });
});

describe('a tool that misbehaves', function () {
  this.timeout(90_000);
  before(built);

  it('is an error, and 5, where it is killed in the middle', async () => {
    await inDirectory(async (directory) => {
      const going = new Cli(['run', await writeSuite(directory, suiteOf({ options: long }))], { cwd: directory });
      const { run: id, pid } = await measuring(directory);
      process.kill(pid, 'SIGKILL');
      const { code, stdout } = await going.ended;
      expect(code).to.equal(5);
      expect(stdout).to.match(/error +cyclictest was killed by signal SIGKILL/);
      expect((await onlyResult(directory)).tests[0]?.metrics).to.deep.equal([]);
      expect(await leftOf(id)).to.deep.equal([]);
    });
  });

  it('passes where it behaves: what the next tests change is what they find', async () => {
    await inDirectory(async (directory) => {
      const outcome = await run(directory, suiteOf(), await withTool(directory, `sleep 0.35\n${document(honest)}`));
      expect([outcome.code, reasons(outcome)]).to.deep.equal([0, '']);
      expect(outcome.result.tests[0]?.metrics[0]).to.include({ count: 300, min: 10_000, max: 20_000 });
    });
  });

  const faulty: readonly (readonly [string, string, RegExp])[] = [
    ['is silent', 'exit 0', /cyclictest: exit 0 without a result: it said nothing/],
    ['fails', 'echo "FATAL: no such policy" >&2; exit 1', /cyclictest: exit 1 without a result: FATAL: no such policy/],
    [
      'is cut off',
      `${document(honest)}\nhead -c 90 cyclictest.json >cut; mv cut cyclictest.json`,
      /its result is no JSON/,
    ],
    ['writes an empty file', ': >cyclictest.json', /its result is no JSON \(0 characters\)/],
    ['writes binary junk', 'head -c 3000 /dev/urandom >cyclictest.json', /its result is no JSON \(\d+ characters\)/],
    ['writes something else', 'echo "[1, 2]" >cyclictest.json', /its result is not what rt-tests writes/],
    [
      'leaves out a thread',
      document(honest).replace('"num_threads": 1', '"num_threads": 2'),
      /1 threads? in its result, 2 announced/,
    ],
    ['counts more than it bins', document(honest.replace('"cycles": 300', '"cycles": 301')), /numbers do not add up/],
    ['counts less than it bins', document(honest.replace('"cycles": 300', '"cycles": 299')), /numbers do not add up/],
    ['has negative times', document(honest.replace('"min": 10', '"min": -10')), /numbers do not add up/],
    [
      'stops early',
      document(honest.replace('"20": 100', '"20": 50').replace('300', '250').replace('13.33', '12.0')),
      /250 of 300 loops/,
    ],
    [
      'measures nothing',
      document('{ "histogram": {}, "cycles": 0, "min": 0, "max": 0, "avg": 0, "cpu": 0 }'),
      /0 of 300 loops|no samples/,
    ],
    [
      'talks without end',
      `yes nonsense | head -c 30000000\n${document('{}')}`,
      /cyclictest: thread 0 of its result: histogram is missing/,
    ],
  ];
  for (const [what, script, message] of faulty)
    it(`never passes where it ${what}`, async () => {
      await inDirectory(async (directory) => {
        const outcome = await run(directory, suiteOf({ sla: ['max <= 1h'] }), await withTool(directory, script));
        expect([1, 5]).to.include(outcome.code);
        expect(['error', 'no-data']).to.include(outcome.result.verdict);
        expect(reasons(outcome)).to.match(message);
        expect(outcome.stdout).to.match(message);
        expect(outcome.stdout.length).to.be.lessThan(5000);
      });
    });

  it('leaves no child of it behind', async () => {
    await inDirectory(async (directory) => {
      const going = new Cli(['run', await writeSuite(directory, suiteOf())], {
        cwd: directory,
        env: await withTool(directory, `setsid sleep 86399 &\nsleep 0.3\n${document(honest)}`),
      });
      const { code } = await going.ended;
      expect(code).to.equal(0);
      expect(await leftOf((await onlyResult(directory)).runId)).to.deep.equal([]);
      expect(processesWith('sleep', '86399')).to.deep.equal([]);
    });
  });

  it('ends with 3 where it is missing, and names the package', async () => {
    await inDirectory(async (directory) => {
      // A PATH with all that is needed but the tool; /usr/sbin and the like are searched too, and have it not.
      const outcome = await cli(['run', await writeSuite(directory, suiteOf())], {
        cwd: directory,
        env: { PATH: await pathWithout(directory, 'cyclictest') },
      });
      expect(outcome.code, outcome.stderr).to.equal(3);
      expect(outcome.stdout).to.match(/local lacks the tool cyclictest \(Debian package rt-tests\)/);
      expect(outcome.stdout).to.match(/install rt-tests there, or set 'provision: true' on its context/);
      const { run: id, trials } = await begun(directory);
      expect(trials).to.equal(0);
      expect(await leftOf(id)).to.deep.equal([]);
    });
  });

  it('ends with 3 where it lacks an option', async () => {
    await inDirectory(async (directory) => {
      const env = await withTool(directory, document(honest));
      await writeFile(join(directory, 'bin/cyclictest'), '#!/bin/sh\necho "cyclictest V 0.8: -a -t --histogram"\n');
      const outcome = await run(directory, suiteOf(), env);
      expect(outcome.code).to.equal(3);
      expect(reasons(outcome)).to.match(/has a cyclictest without --json: a newer rt-tests is needed/);
      expect((await begun(directory)).trials).to.equal(0);
    });
  });

  const begun = async (directory: string): Promise<{ run: string; trials: number }> => {
    const { runId } = await onlyResult(directory);
    const events = await eventsIn(directory, runId);
    return { run: runId, trials: events.filter(({ type }) => type === 'trial-started').length };
  };
});
