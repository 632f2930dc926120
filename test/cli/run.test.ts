import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'chai';
import { decodeHistogram } from '../../lib/run/encode.js';
import type { Result } from '../../lib/run/result.js';
import {
  built,
  cli,
  inDirectory,
  leftOf,
  onlyResult,
  resultIn,
  root,
  runsIn,
  stackTrace,
  writeSuite,
  type Ended,
} from './cli.js';

const suite = `
suite: small
contexts:
  metal: { type: bare-metal }
tests:
  - name: cyclictest
    scenario: timer
    context: metal
    options: { cpus: "0", threads: 2, interval: 1ms, loops: 1000, histogram: 60us, break: none }
    runner: { type: iteration, count: 2, warm_up: 1 }
    sla: ["samples >= 1000", { expression: max <= 1us, severity: warn }]
  - name: oslat
    scenario: timer
    context: metal
    options: { tool: oslat, cpus: "1", duration: 1s, buckets: 8 }
`;

interface ToolThread {
  readonly min: number;
  readonly max: number;
  readonly cycles?: number;
  readonly histogram: Readonly<Record<string, number>>;
}

const rawThreads = async (directory: string, test: string, trial: number): Promise<Record<string, ToolThread>> => {
  const file = join(directory, test, String(trial), 'raw', `${test}.json`);
  return (JSON.parse(await readFile(file, 'utf8')) as { thread: Record<string, ToolThread> }).thread;
};

describe('kvm4nfv run', function () {
  this.timeout(120_000);
  let ended: Ended;
  let result: Result;
  let directory: string;
  let release: () => void;
  let finished: Promise<void>;

  before(async () => {
    await built();
    const held = new Promise<void>((resolve) => (release = resolve));
    await new Promise<void>((resolve, reject) => {
      finished = inDirectory(async (place) => {
        directory = place;
        ended = await cli(['run', await writeSuite(place, suite)], { cwd: place });
        result = await onlyResult(place);
        resolve();
        await held;
      });
      finished.catch(reject);
    });
  });
  after(async () => {
    release();
    await finished;
  });

  it('measures and ends with 0, a warning included', () => {
    expect(ended.code, ended.stderr).to.equal(0);
    expect([result.verdict, result.exitCode]).to.deep.equal(['warn', 0]);
    expect(result.tests.map(({ verdict }) => verdict)).to.deep.equal(['warn', 'pass']);
  });

  it('prints machine, percentiles, SLAs, a histogram and the place of the files on stdout', () => {
    const { stdout } = ended;
    expect(stdout).to.not.match(stackTrace);
    expect(stdout).to.match(/^local: .+ CPUs?, Linux .+PREEMPT_RT\)/);
    expect(stdout).to.match(/^test +context +metric +count +min +p50 +p99 +p99\.9 +p99\.99 +p99\.999 +max +verdict$/m);
    expect(stdout).to.match(/^cyclictest +metal +latency +4 000 .* warn$/m);
    expect(stdout).to.match(/^oslat +metal +latency +[\d ]+ .* pass$/m);
    expect(stdout).to.match(/^ {2}pass +samples >= 1000 {2}\(observed 2 000 in cyclictest-\d\)$/m);
    expect(stdout).to.match(/^ {2}warn +max <= 1us {2}\(observed [\d.]+[num]?s in cyclictest-\d\)$/m);
    expect(stdout).to.match(/█/);
    expect(stdout).to.match(/our own processes used at most [\d.]+ % of one CPU/);
    expect(stdout.trimEnd().split('\n').at(-1)).to.equal(`files: results/${result.runId}`);
  });

  it('tells on stderr, line by line, how it gets on where that is no terminal', () => {
    const lines = ended.stderr.trimEnd().split('\n');
    for (const line of lines) expect(line).to.match(/^\d\d:\d\d:\d\d {2}\S/);
    expect(lines[0]).to.match(/run .+: 2 tests, about 0:0\d of measuring$/);
    expect(lines.filter((line) => /trial cyclictest-\d: /.test(line))).to.have.length(3);
    expect(lines.at(-2)).to.match(/test oslat: pass$/);
    expect(lines.at(-1)).to.match(/context metal: taken down$/);
  });

  it('leaves all the files of a run', async () => {
    const place = join(directory, 'results', result.runId);
    const files = await readdir(place, { recursive: true });
    expect(files).to.include.members(['events.ndjson', 'result.json', 'cyclictest.hlog', 'oslat.hlog']);
    for (const trial of ['cyclictest/0', 'cyclictest/1', 'cyclictest/2'])
      expect(files).to.include.members(
        ['cyclictest.json', 'stdout.txt', 'stderr.txt'].map((name) => `${trial}/raw/${name}`),
      );
    expect(files.filter((name) => name.endsWith('.part'))).to.deep.equal([]);
    const hlog = (await readFile(join(place, 'cyclictest.hlog'), 'utf8')).split('\n');
    expect(hlog.filter((line) => line.startsWith('Tag='))).to.have.length(6);
  });

  it('writes a result.json that its published schema takes', async () => {
    const schema = JSON.parse(await readFile(join(root, 'schema/result.schema.json'), 'utf8')) as object;
    const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(schema);
    expect(validate(result), JSON.stringify(validate.errors)).to.equal(true);
    expect(validate({ ...result, schemaVersion: 2 })).to.equal(false);
  });

  it("loses no sample: count, min and max of each thread are the tool's own, overflow included", async () => {
    const place = join(directory, 'results', result.runId);
    for (const [position, test] of result.tests.entries())
      for (const [number, trial] of test.trials.entries()) {
        const threads = await rawThreads(place, test.name, number);
        const perThread = trial.metrics.filter((metric) => metric.kind === 'histogram' && 'thread' in metric.labels);
        expect(perThread)
          .to.have.length(Object.keys(threads).length)
          .and.to.have.length(position === 0 ? 2 : 1);
        let whole = 0;
        for (const metric of perThread) {
          if (metric.kind !== 'histogram') continue;
          const tool = threads[metric.labels['thread'] ?? ''];
          if (tool === undefined) throw new Error(`no thread ${JSON.stringify(metric.labels)}`);
          const binned = Object.values(tool.histogram).reduce((sum, samples) => sum + samples, 0);
          const count = tool.cycles ?? binned;
          expect(metric.count).to.equal(count).and.to.be.greaterThan(0);
          if (tool.cycles !== undefined) expect(count).to.equal(1000);
          expect([metric.min, metric.max]).to.deep.equal([tool.min * 1000, tool.max * 1000]);
          const beyond = metric.overflow.reduce((sum, group) => sum + group.count, 0);
          if (tool.cycles !== undefined) expect(beyond).to.equal(tool.cycles - binned);
          const decoded = decodeHistogram(metric);
          expect([decoded.count, decoded.min, decoded.max]).to.deep.equal([metric.count, metric.min, metric.max]);
          whole += count;
        }
        expect(trial.metrics[0]).to.deep.include({ count: whole, labels: {} });
      }
  });

  it('leaves nothing on the machine', async () => {
    expect(await leftOf(result.runId)).to.deep.equal([]);
  });

  it('is reported on again, word for word and with the same exit code', async () => {
    const run = join('results', result.runId);
    const again = await cli(['report', run], { cwd: directory });
    expect(again.code).to.equal(0);
    expect(`${again.stdout}files: ${run}\n`).to.equal(ended.stdout);
    const json = await cli(['report', '--json', run], { cwd: directory });
    expect(JSON.parse(json.stdout)).to.deep.equal(result);
  });

  it('prints nothing but the result on stdout with --json', async () => {
    await inDirectory(async (place) => {
      const file = await writeSuite(place, suite);
      const { code, stdout } = await cli(['run', file, '--json', '--only', 'oslat', '--output', 'out'], { cwd: place });
      expect(code).to.equal(0);
      const printed = JSON.parse(stdout) as Result;
      expect(printed.tests.map(({ name }) => name)).to.deep.equal(['oslat']);
      const [run = ''] = await readdir(join(place, 'out'));
      expect(JSON.parse(await readFile(join(place, 'out', run, 'result.json'), 'utf8'))).to.deep.equal(printed);
      expect(await runsIn(place)).to.deep.equal([]);
    });
  });

  it('runs twice at once into the same directory, each in its own part', async () => {
    await inDirectory(async (place) => {
      const file = await writeSuite(place, suite);
      const both = await Promise.all([1, 2].map(() => cli(['run', file, '--only', 'cyclictest'], { cwd: place })));
      expect(
        both.map(({ code }) => code),
        both.map(({ stderr }) => stderr).join(''),
      ).to.deep.equal([0, 0]);
      const runs = await runsIn(place);
      expect(runs).to.have.length(2);
      for (const run of runs) {
        const one = await resultIn(place, run);
        expect(one.runId).to.equal(run);
        expect(one.tests[0]?.metrics[0]).to.include({ count: 4000 });
        expect(await leftOf(run)).to.deep.equal([]);
      }
    });
  });
});
