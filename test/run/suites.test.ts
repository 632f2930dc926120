import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'chai';
import { builtins } from '../../lib/builtins.js';
import { Kvm4nfvError } from '../../lib/error.js';
import { localHost } from '../../lib/host/local.js';
import { planSteps, planTest } from '../../lib/report/plan.js';
import { cleanupRun, type CleanupReport } from '../../lib/run/cleanup.js';
import { execute } from '../../lib/run/executor.js';
import { faultOf } from '../../lib/run/fault.js';
import type { Plan } from '../../lib/run/plan.js';
import { reduceRun } from '../../lib/run/reduce.js';
import { Registry } from '../../lib/run/registry.js';
import { resultSchema } from '../../lib/run/result.js';
import { keyAndText, valueOf } from '../../lib/suite/given.js';
import { loadSuite } from '../../lib/suite/load.js';
import { planSuite } from '../../lib/suite/plan.js';
import { sweepersOf } from '../../lib/suite/plugins.js';
import { defineScenario, z } from '../../lib/plugin.js';
import { iteration } from '../../runners/iteration.js';
import { sweep } from '../../runners/sweep.js';
import { withFiles } from '../suite/files.js';
import { registry } from '../suite/registry.js';
import { inDirectory, latencies, planOf, scenarioOf, testOf } from './support.js';

const fixture = (name: string): string => path.join(import.meta.dirname, '../fixtures/run', name);

const planned = async (file: string, env: Readonly<Record<string, string>>): Promise<Plan> =>
  planSuite(await loadSuite(file, { registry: builtins(), env }));

const cleaned = (directory: string, env: Readonly<Record<string, string>>): Promise<CleanupReport> =>
  cleanupRun(directory, sweepersOf(new Registry()), { signal: AbortSignal.timeout(60_000), env });

/** As it looks when its controller was killed, another process having its number now. */
const kill = async (directory: string): Promise<void> => {
  const events = path.join(directory, 'events.ndjson');
  const lines = (await readFile(events, 'utf8')).trimEnd().split('\n');
  const started = JSON.parse(lines[0] ?? '') as { controller: { started: string } };
  started.controller.started = '1';
  await writeFile(events, `${[JSON.stringify(started), ...lines.slice(1, -1)].join('\n')}\n`);
};

describe('a suite with values of the environment', function () {
  this.timeout(120_000);
  before(function () {
    if (process.getuid?.() !== 0) this.skip();
  });

  for (const [file, env] of [
    ['suite.yaml', { WHO: 'root' }],
    ['env-port.yaml', { SSH_PORT: '2222' }],
    ['suite.yaml', { WHO: '0' }],
    ['suite.yaml', { WHO: 'ns' }],
    ['suite.yaml', { WHO: 'timer' }],
  ] as const)
    it(`is run, reported and cleaned up after (${file} with ${JSON.stringify(env)})`, async () => {
      await inDirectory(async (results) => {
        const plan = await planned(fixture(`secret-root/${file}`), env);
        const { result, directory } = await execute(plan, { results });
        expect([result.verdict, result.exitCode], JSON.stringify(result.tests[0]?.reasons)).to.deep.equal(['pass', 0]);
        resultSchema.parse(JSON.parse(await readFile(path.join(directory, 'result.json'), 'utf8')));
        expect(await reduceRun(directory)).to.deep.equal(result);
        expect(result.tests[0]?.name).to.equal('timer');
        await kill(directory);
        await using host = localHost();
        const job = await host.start({ run: result.runId, name: 'left', argv: ['sleep', '600'] });
        const report = await cleaned(directory, env);
        // The host that no test uses is not asked.
        expect(report.state, report.lines.join('\n')).to.equal('cleaned');
        expect(report.lines).to.include('local: ended job left');
        expect(await job.running().catch(() => false)).to.equal(false);
      });
    });

  it('is kept without their values, and cleaned up after by those who have them', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1])));
    const writtenHosts = new Map([['local', { host_key: '${env:HOW}' }]]);
    await inDirectory(async (results) => {
      const { directory } = await execute(
        planOf([testOf(scenario)], undefined, { writtenHosts, secrets: ['accept-new'] }),
        {
          results,
        },
      );
      expect(await readFile(path.join(directory, 'events.ndjson'), 'utf8')).to.not.contain('accept-new');
      await kill(directory);
      const lacking = await cleaned(directory, {});
      expect(lacking.state).to.equal('failed');
      expect(lacking.lines.join('\n')).to.contain("local: environment variable 'HOW' is not set");
      expect(await cleaned(directory, { HOW: 'accept-new' })).to.include({ state: 'cleaned' });
    });
  });

  it('has its hosts written without them where a plan was made by hand', async () => {
    const scenario = scenarioOf(() => Promise.resolve(latencies([1])));
    await inDirectory(async (results) => {
      const plan = planOf([testOf(scenario)], undefined, { secrets: ['accept-new'] });
      const spec = { ...plan.hosts.get('local')!, host_key: 'accept-new' as const };
      const { directory } = await execute({ ...plan, hosts: new Map([['local', spec]]) }, { results });
      expect(await readFile(path.join(directory, 'events.ndjson'), 'utf8')).to.not.contain('accept-new');
    });
  });
});

describe('a secret that comes through a param', () => {
  const text = (used: string): string =>
    `suite: x\nparams: { word: 'pre-\${env:WORD}', plain: a }\nhosts: { node: { address: 192.0.2.1, user: 'u-\${word}', identity: '$\${\${plain}' } }\n` +
    `contexts: { metal: { type: bare-metal, host: node } }\ntests: [{ name: t, scenario: tell, context: metal, options: { word: '${used}' } }]\n`;
  const telling = (): Registry => {
    const all = registry();
    all.add(
      defineScenario({
        type: 'tell',
        summary: 'Says what it would run',
        options: z.strictObject({ word: z.string() }),
        metrics: () => [],
        needs: () => [],
        preview: ({ word }) => ({ commands: [['tool', word, `--word=${word}`]] }),
        measure: () => Promise.reject(new Kvm4nfvError('internal', 'only planned')),
      }),
    );
    return all;
  };

  for (const word of ["it's-a 'quoted' one", 'plain-one', 'q"uo\\te', '10', 'x'])
    it(`is in no printed step: ${JSON.stringify(word)}`, async () => {
      await withFiles({ 'suite.yaml': text('${word}') }, async (directory) => {
        const loaded = await loadSuite(path.join(directory, 'suite.yaml'), {
          registry: telling(),
          env: { WORD: word },
        });
        expect(loaded.secrets).to.include(word);
        const plan = planSuite(loaded);
        const [test] = [...plan.tests()];
        const printed = [await planSteps(plan), ...planTest(plan, test!).steps].join('\n');
        if (word.length >= 4) {
          expect(printed).to.contain("tool 'pre-[redacted]'");
          for (const form of [word, word.replaceAll("'", String.raw`'\''`), word.slice(0, 8)])
            expect(printed).to.not.contain(form);
        }
        expect(test?.parameters).to.deep.equal({ word: 'pre-${env:WORD}' });
      });
    });

  it('stands in the stored host as it was written, params put in', async () => {
    await withFiles({ 'suite.yaml': text('x') }, async (directory) => {
      const env = { WORD: 'secret-word' };
      const { writtenHosts } = await loadSuite(path.join(directory, 'suite.yaml'), { registry: telling(), env });
      expect(writtenHosts.get('node')).to.deep.equal({
        address: '192.0.2.1',
        user: 'u-pre-${env:WORD}',
        identity: '$${a',
      });
    });
  });
});

describe('what a sweep sets', () => {
  const byTool = defineScenario({
    type: 'by-tool',
    summary: 'Runs the tool that the option names',
    options: z.strictObject({ value: z.number().default(0), tool: z.string().default('true') }),
    metrics: () => [{ name: 'latency', kind: 'histogram', unit: 'ns', description: 'as said' }],
    needs: ({ tool }) => [{ kind: 'tool', name: tool, package: `${tool}-package` }],
    preview: ({ tool }) => ({ commands: [[tool]] }),
    measure: () => Promise.resolve(latencies([1])),
  });

  it('has its needs met before the first trial', async () => {
    const runner = { definition: sweep, options: sweep.options.parse({ over: { tool: ['true', 'no-such-tool'] } }) };
    await inDirectory(async (results) => {
      const { result } = await execute(planOf([testOf(byTool, { runner })]), { results });
      expect(result.exitCode).to.equal(3);
      expect(result.tests[0]?.trials).to.deep.equal([]);
      expect(result.tests[0]?.reasons[0]).to.contain(
        'lacks the tool no-such-tool (Debian package no-such-tool-package)',
      );
    });
  });
});

describe('the directory of a run', function () {
  this.timeout(60_000);
  const gone = async (remove: (directory: string) => Promise<void>): Promise<unknown> =>
    inDirectory(async (results) => {
      let trials = 0;
      const scenario = scenarioOf(async () => {
        trials += 1;
        if (trials === 1) await remove(results);
        return latencies([1]);
      });
      const runner = { definition: iteration, options: iteration.options.parse({ count: 1000 }) };
      const ended = await execute(planOf([testOf(scenario, { runner })]), { results: path.join(results, 'made') }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(trials).to.equal(1);
      await expectNone(path.join(results, 'made'));
      return ended;
    });
  const expectNone = async (directory: string): Promise<void> => {
    expect(await readdir(path.dirname(directory)).catch(() => [])).to.not.include(path.basename(directory));
  };

  it('is an environment fault when it is removed, and is not made anew', async () => {
    const error = await gone((results) => rm(path.join(results, 'made'), { recursive: true }));
    expect(faultOf(error)).to.equal('environment');
    expect(String(error)).to.contain("can't write");
  });

  it('is one too when it is moved away', async () => {
    const error = await gone((results) => rename(path.join(results, 'made'), path.join(results, 'moved')));
    expect(faultOf(error)).to.equal('environment');
  });

  it('is known by its place at the beginning: the working directory may go', async () => {
    const before = process.cwd();
    await inDirectory(async (results) => {
      const scenario = scenarioOf(async () => {
        process.chdir('/');
        await Promise.resolve();
        return latencies([1]);
      });
      try {
        process.chdir(results);
        const { result, directory } = await execute(planOf([testOf(scenario)]), { results: 'here' });
        expect(result.verdict).to.equal('pass');
        expect(directory).to.equal(path.join(results, 'here', result.runId));
      } finally {
        process.chdir(before);
      }
    });
  });
});

describe('whose fault an error is', () => {
  const system = (code: string): Error => Object.assign(new Error(code), { code, syscall: 'write' });

  it('is told in one place', () => {
    expect(faultOf(system('ENOSPC'))).to.equal('environment');
    expect(faultOf(system('EROFS'))).to.equal('environment');
    expect(faultOf(system('EINVAL'))).to.equal('internal');
    expect(faultOf(new TypeError('bug'))).to.equal('internal');
    expect(faultOf(new Kvm4nfvError('tool', 'x'))).to.equal('tool');
    expect(faultOf(new Kvm4nfvError('tool', 'x'), AbortSignal.abort())).to.equal('interrupted');
  });

  it('is the environment where the histogram log can not be written', async () => {
    await inDirectory(async (results) => {
      const scenario = scenarioOf(async () => {
        const [run = ''] = await readdir(results);
        await mkdir(path.join(results, run, 'test.hlog'));
        return latencies([1]);
      });
      const { result } = await execute(planOf([testOf(scenario)]), { results });
      expect([result.verdict, result.exitCode]).to.deep.equal(['error', 3]);
    });
  });
});

describe('a value of the command line', () => {
  it('is read as in a suite, by one reader', () => {
    expect(
      ['10', '1.5', 'true', '2-5', 'a: b', '@x', '', '[64, 1518]', '{ product: X }', '"10"'].map((text) =>
        valueOf('--option', text),
      ),
    ).to.deep.equal([...[10, 1.5, true, '2-5', { a: 'b' }, '@x', '', [64, 1518], { product: 'X' }, '10']]);
  });

  it('is a mistake of the user where it is not closed', () => {
    for (const text of ['[1', '{ a: 1', '"x', "'x"]) {
      let fault: unknown;
      try {
        valueOf('--option ports', text);
      } catch (error) {
        fault = Kvm4nfvError.is(error) ? error.fault : error;
      }
      expect(fault, text).to.equal('usage');
    }
    expect(() => keyAndText('--param', 'x', 'key=value', 'duration=60s')).to.throw('--param x: expected key=value');
  });
});
