import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import type { Readiness } from '../../lib/doctor/examine.js';
import {
  built,
  cli,
  inDirectory,
  onlyResult,
  root,
  runsIn,
  stackTrace,
  suiteOf,
  writeSuite,
  type Ended,
} from './cli.js';

const example = (name: string): string => join(root, 'examples', `${name}.yaml`);

const matrix = `
suite: many
params: { duration: 2s, secret: "\${env:KVM4NFV_TEST_SECRET}" }
contexts: { metal: { type: bare-metal } }
defaults: { context: metal }
tests:
  - name: a-\${interval}
    scenario: timer
    tags: [daily, a]
    options: { interval: "\${interval}", duration: "\${duration}", cpus: "2-5,8" }
    load: { stressor: vm, cpus: 1, memory: 64MiB }
    matrix: { interval: [100us, 1ms, 2ms, 5ms] }
    sla: [p99.99 <= 20us]
  - name: b
    scenario: timer
    tags: [nightly]
    options: { tool: oslat, duration: 3s }
    runner: { type: sweep, over: { workload: ["no", memmove] } }
`;
const env = { KVM4NFV_TEST_SECRET: 'hunter2' };

describe('what goes wrong around a run', () => {
  before(function () {
    this.timeout(90_000);
    return built();
  });

  it('is no fault of a suite where more shards are asked for than there are tests', async () => {
    await inDirectory(async (directory) => {
      const file = await writeSuite(directory, suiteOf());
      const { code, stdout } = await cli(['run', file, '--shard', '9/9'], { cwd: directory });
      expect(code).to.equal(0);
      expect(stdout).to.contain('no test is in shard 9/9');
      expect(await runsIn(directory)).to.deep.equal([]);
    });
  });

  it('is no fault of ours where nobody reads what is printed any more', async () => {
    const child = spawn(process.execPath, [join(root, 'dist/kvm4nfv.js'), 'schema'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    const ended = once(child, 'exit') as Promise<[number | null]>;
    const [said, [code]] = await Promise.all([text(child.stderr), ended]);
    expect([code, said]).to.deep.equal([0, '']);
  });
});

describe('the command line', function () {
  this.timeout(60_000);
  before(built);

  const clean = (ended: Ended): Ended => {
    expect(ended.stdout + ended.stderr).to.not.match(stackTrace);
    return ended;
  };
  const ask = async (...argv: string[]): Promise<Ended> => clean(await cli(argv));

  it('has help for each command, with an example and the exit codes for run', async () => {
    const { code, stdout } = await ask('--help');
    expect(code).to.equal(0);
    const commands = ['run', 'validate', 'plan', 'report', 'cleanup', 'list', 'schema', 'docs', 'doctor'];
    for (const command of commands) expect(stdout).to.match(new RegExp(`^  ${command} `, 'm'));
    const helps = await Promise.all(commands.map((command) => ask(command, '--help')));
    for (const [index, help] of helps.entries()) {
      expect(help.code).to.equal(0);
      expect(help.stdout).to.match(new RegExp(`^Usage: kvm4nfv ${String(commands[index])} `));
    }
    expect(helps[0]?.stdout).to.contain('130  interrupted').and.to.contain('Example:');
  });

  const usage: readonly (readonly [string[], RegExp])[] = [
    [[], /Usage: kvm4nfv/],
    [['runn', 'x.yaml'], /unknown command 'runn'\n\(Did you mean run\?\)/],
    [['run'], /missing required argument 'suite\.yaml'/],
    [['run', 'a.yaml', 'b.yaml'], /too many arguments/],
    [['run', 'a.yaml', '--jsn'], /unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [['plan', 'a.yaml', '--shard', '3/2'], /'3\/2' is invalid\. Expected i\/n, such as 1\/4/],
    [['plan', 'a.yaml', '--shard', 'x'], /Expected i\/n/],
    [
      ['plan', example('ssh'), '--param', 'address'],
      /--param address: expected key=value \[E_[A-Z_]+\]\n {2}help: such as/,
    ],
    [['plan', example('ssh'), '--param', 'adress=x'], /declares no param 'adress'[^]*address/],
    [['plan', example('sweep'), '--only', 'intervall'], /--only 'intervall' fits no test[^]*help: .*interval/],
    [['plan', example('sweep'), '--tag', 'dayly'], /--tag 'dayly': no test/],
    [['doctor', '--for', 'games'], /Allowed choices are realtime, dpdk/],
    [['docs', 'cooking'], /Allowed choices are goals, knobs/],
    [['list', 'timr'], /nothing is called 'timr' \[E_[A-Z_]+\]\n {2}help: did you mean 'timer'\?/],
    [['list', '--plugin', './no-such.js'], /no-such\.js/],
    [['schema', '--of', 'nothing'], /Allowed choices are suite, result, events/],
    [
      ['report', 'no/such/run'],
      /can't read no\/such\/run\/events\.ndjson: there is no such file or directory \[E_[A-Z_]+\]\n {2}help: name the directory/,
    ],
    [
      ['cleanup', '--output', 'no-such'],
      /can't read no-such: there is no such file or directory \[E_[A-Z_]+\]\n {2}help: .*--output/,
    ],
    [['doctor', '--suite', 'no-such.yaml', 'node'], /no-such\.yaml: error: can't be read: there is no such file/],
  ];
  for (const [argv, message] of usage)
    it(`refuses '${argv.map((word) => word.replace(root, '.')).join(' ')}' with 2 and tells why`, async () => {
      await inDirectory(async (directory) => {
        const { code, stdout, stderr } = clean(await cli(argv, { cwd: directory }));
        expect(code).to.equal(2);
        expect(stdout).to.equal('');
        expect(stderr).to.match(message);
      });
    });

  it('prints the version that package.json has', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    expect((await ask('--version')).stdout).to.equal(`${version}\n`);
  });

  it('plans every command and touches nothing', async () => {
    await inDirectory(async (directory) => {
      const file = await writeSuite(directory, matrix);
      const { code, stdout } = clean(await cli(['plan', file], { cwd: directory, env }));
      expect(code).to.equal(0);
      expect(stdout).to.match(/^test a-100us {2}\(0:02\)$/m);
      expect(stdout).to.match(/^ {2}run: cyclictest -a 2-5,8 .*-i 100 .*-D 2 .*--json=/m);
      expect(stdout).to.match(/^ {2}load on metal: stress-ng --taskset 1 --vm /m);
      expect(stdout).to.match(/^ {2}judge: p99\.99 <= 20us$/m);
      expect(stdout).to.match(/^ {2}run with workload=memmove: oslat .*-w memmove/m);
      expect(stdout).to.match(/measuring takes 0:14\n$/);
      expect(stdout).to.not.contain('hunter2');
      expect(await runsIn(directory)).to.deep.equal([]);
      const lines = clean(await cli(['plan', file, '--json'], { cwd: directory, env }))
        .stdout.trimEnd()
        .split('\n');
      const tests = lines.map((line) => JSON.parse(line) as { name: string; trials: number; estimate: number });
      expect(tests.map(({ name }) => name)).to.deep.equal(['a-100us', 'a-1ms', 'a-2ms', 'a-5ms', 'b']);
      expect(tests.map(({ trials }) => trials)).to.deep.equal([1, 1, 1, 1, 2]);
      expect(tests.map(({ estimate }) => estimate)).to.deep.equal([2e9, 2e9, 2e9, 2e9, 6e9]);
    });
  });

  it('selects tests by name, tag and shard, and takes values of params', async () => {
    await inDirectory(async (directory) => {
      const file = await writeSuite(directory, matrix);
      const names = async (...argv: string[]): Promise<string[]> => {
        const { stdout, stderr } = clean(await cli(['plan', file, '--json', ...argv], { env }));
        expect(stderr).to.equal('');
        return stdout
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { name: string }).name);
      };
      expect(await names('--only', 'a-*ms', '--only', 'b')).to.deep.equal(['a-1ms', 'a-2ms', 'a-5ms', 'b']);
      expect(await names('--tag', 'nightly')).to.deep.equal(['b']);
      const [first, second] = [await names('--shard', '1/2'), await names('--shard', '2/2')];
      expect(first.length).to.be.within(2, 3);
      expect([...first, ...second]).to.have.members(['a-100us', 'a-1ms', 'a-2ms', 'a-5ms', 'b']);
      const { stdout } = clean(await cli(['plan', file, '--only', 'a-1ms', '--param', 'duration=7s'], { env }));
      expect(stdout).to.match(/ -D 7 /);
      const wrong = clean(await cli(['plan', file, '--param', 'duration=7parsecs'], { env }));
      expect(wrong.code).to.equal(2);
      expect(wrong.stderr).to.contain('7parsecs');
    });
  });

  it('stops after the first failure with --fail-fast', async () => {
    await inDirectory(async (directory) => {
      const two = JSON.parse(suiteOf({ sla: ['max <= 1ns'] })) as { tests: { name: string }[] };
      two.tests.push({ ...two.tests[0], name: 'second' });
      const { code, stdout } = clean(
        await cli(['run', '--fail-fast', await writeSuite(directory, JSON.stringify(two))], { cwd: directory }),
      );
      expect(code).to.equal(1);
      const { tests } = await onlyResult(directory);
      expect(tests.map(({ verdict }) => verdict)).to.deep.equal(['fail', 'skip']);
      expect(stdout).to.contain("not run: --fail-fast after 'timer'");
    });
  });

  it('lists what a suite can name, and the options of each', async () => {
    const { code, stdout } = await ask('list');
    expect(code).to.equal(0);
    for (const [kind, type] of [
      ['scenario', 'timer'],
      ['context', 'bare-metal'],
      ['runner', 'sweep'],
    ])
      expect(stdout).to.match(new RegExp(`^${String(kind)} +${String(type)} +\\S`, 'm'));
    const timer = await ask('list', 'timer');
    for (const option of ['interval', 'histogram', 'buckets', 'stop_thread'])
      expect(timer.stdout).to.match(new RegExp(`^${option} `, 'm'));
    for (const [type, said] of [
      ['kvm-guest', /^disks\[\]\.path +string +required +An image file[^]*^memory .*"4GiB"[^]*^tuning\.profile /m],
      ['c-states', /^value: +integer 0\.\.100000 or string: .+ the longest exit latency allowed/m],
      ['realtime-guest', /^requires: isolated_cpus$[^]*^governor +keep +realtime-guest$[^]*/m],
      ['hosts', /^host_key +strict \| accept-new +`strict`: .*Default: StrictHostKeyChecking of ssh_config/m],
    ] as const)
      expect((await ask('list', type)).stdout).to.match(said);
    const json = JSON.parse((await ask('list', '--json')).stdout) as { kind: string; type: string; options: object }[];
    expect(json.find(({ type }) => type === 'iteration')).to.have.nested.property('options.properties.count');
  });

  it('lists those of a plug-in too', async () => {
    await inDirectory(async (directory) => {
      const plugin = `import { defineRunner, z } from ${JSON.stringify(join(root, 'dist/plugin.js'))};
        export default [defineRunner({ type: 'mine', summary: 'My own', options: z.strictObject({ speed: z.int() }),
          preview: () => ({ parameters: [], trials: 1 }), async *trials() { yield { parameters: {} }; } })];`;
      await writeFile(join(directory, 'mine.mjs'), plugin);
      const { stdout, stderr } = clean(await cli(['list', 'mine', '--plugin', './mine.mjs'], { cwd: directory }));
      expect(stdout, stderr)
        .to.match(/^runner mine: My own$/m)
        .and.to.match(/^speed /m);
    });
  });

  it('prints the schemas of suites, results and events, which take what there is', async () => {
    for (const of of ['suite', 'result', 'events']) {
      const { code, stdout } = await ask('schema', '--of', of);
      expect(code).to.equal(0);
      const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(JSON.parse(stdout) as object);
      if (of === 'suite') {
        expect(validate(JSON.parse(suiteOf({ sla: ['max <= 1ms'] }))), JSON.stringify(validate.errors)).to.equal(true);
        expect(validate({ ...(JSON.parse(suiteOf()) as object), typo: 1 })).to.equal(false);
      }
    }
  });

  it('tells what this host can and can not do, and why', async () => {
    const { code, stdout } = await ask('doctor');
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/KVM/i)
      .and.to.match(/PREEMPT_RT|real-time/i);
    const json = JSON.parse((await ask('doctor', '--json')).stdout) as object;
    expect(json).to.be.an('object').that.includes({ profile: 'observe', use: 'realtime' });
    expect(json).to.include.keys('host', 'kernel', 'firmware', 'capabilities', 'findings', 'checklist', 'knobs');
  });

  it('tells what it can do for work that polls', async () => {
    const { code, stdout } = await ask('doctor', '--for', 'dpdk', '--isolated', '1', '--json');
    expect(code).to.equal(0);
    const { profile, use, isolated, findings } = JSON.parse(stdout) as Readiness;
    expect({ profile, use, isolated }).to.deep.equal({ profile: 'observe-dpdk', use: 'dpdk', isolated: '1' });
    expect(findings.find(({ check }) => check === 'realtime-kernel')?.severity ?? 'info').to.equal('info');
  });

  it('prints the pages of documentation that are made of the code', async () => {
    const goals = await ask('docs', 'goals');
    expect(goals.code).to.equal(0);
    expect(goals.stdout).to.equal(await readFile(new URL('../../docs/goals.md', import.meta.url), 'utf8'));
    expect((await ask('docs', 'knobs')).stdout).to.match(/^# Knobs\n/);
  });
});
