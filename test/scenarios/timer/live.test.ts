import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import type { Host } from '../../../lib/host/host.js';
import { localHost } from '../../../lib/host/local.js';
import type { Histogram } from '../../../lib/measure/histogram.js';
import type { Measurement } from '../../../lib/measure/measurement.js';
import { iteration } from '../../../runners/iteration.js';
import { hlogEntries } from '../../../lib/run/hlog-file.js';
import { loadSchema } from '../../../lib/run/load.js';
import type { PlannedTest } from '../../../lib/run/plan.js';
import { runTrial, type TrialOutcome } from '../../../lib/run/trial.js';
import { parseSla, type Sla } from '../../../lib/sla/sla.js';
import { timer } from '../../../scenarios/timer/index.js';
import { eventually } from '../../support/eventually.js';

const slas = (texts: readonly string[]): Sla[] =>
  texts.map((text) => {
    const parsed = parseSla(text);
    if (!parsed.ok) throw new Error(parsed.message);
    return parsed.sla;
  });

/** The tools themselves, run by the executor's own trial on this machine. */
describe('timer scenario', function () {
  this.timeout(120_000);
  let host: Host;
  let facts: HostFacts;
  let directory: string;
  let number = 0;
  const run = `timer-test-${String(process.pid)}`;

  before(async () => {
    host = localHost('local');
    facts = await readFacts(host);
    directory = mkdtempSync(path.join(tmpdir(), 'kvm4nfv-timer-'));
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  const trial = (
    input: Record<string, unknown>,
    sla: readonly string[] = [],
    load: readonly unknown[] = [],
  ): Promise<TrialOutcome> => {
    const test: PlannedTest = {
      name: 'timer',
      tags: [],
      scenario: timer,
      context: 'metal',
      input,
      options: timer.options.parse(input),
      parameters: {},
      runner: { definition: iteration, options: {} },
      load: load.map((one) => loadSchema.parse(one)),
      sla: slas(sla),
    };
    const machine = { host, facts };
    const id = `trial-${String(++number)}`;
    return runTrial({
      run,
      id,
      test,
      asked: { parameters: {} },
      sut: machine,
      loadMachines: test.load.map(() => machine),
      root: directory,
      directory: path.join(directory, id),
      signal: AbortSignal.timeout(110_000),
    });
  };

  /** The pid of a job, once it runs. */
  const pidOf = (job: string): Promise<number> => eventually(job, async () => (await host.attach(run, job)).pid);

  /** How often the threads that a process has started have slept. */
  const wakeUpsOf = (pid: number): number =>
    readdirSync(`/proc/${String(pid)}/task`)
      .filter((thread) => thread !== String(pid))
      .map((thread) => readFileSync(`/proc/${String(pid)}/task/${thread}/status`, 'utf8'))
      .map((status) => Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(status)?.[1]))
      .reduce((sum, count) => sum + count, 0);

  /** What cyclictest itself says of each thread. */
  const threadsOf = (id: string): [string, { cycles: number; min: number; max: number }][] => {
    const text = readFileSync(path.join(directory, id, 'raw', 'cyclictest.json'), 'utf8');
    return Object.entries(
      (JSON.parse(text) as { thread: Record<string, { cycles: number; min: number; max: number }> }).thread,
    );
  };
  const histogramOf = (measurement: Measurement | undefined, thread: string): Histogram => {
    const metric = measurement?.metrics.find(({ labels }) => labels['thread'] === thread);
    if (metric?.kind !== 'histogram') throw new Error('no histogram');
    return metric.histogram;
  };

  const onlyCpu = (): string => String(facts.topology.online.at(-1));

  it('has every loop of every thread that cyclictest did', async () => {
    const { result, measurement } = await trial({ cpus: 'all', loops: 300, break: 'none' }, [
      'count >= 300',
      'p90 <= 1h',
      'duration >= 300ms',
    ]);
    expect(result.reasons).to.deep.equal([]);
    expect(result.verdict).to.equal('pass');
    expect(measurement?.metrics).to.have.length(facts.topology.online.length);
    const threads = threadsOf(result.id);
    expect(Math.max(...threads.map(([, { cycles }]) => cycles))).to.equal(300);
    for (const [thread, { cycles }] of threads) expect(histogramOf(measurement, thread).count).to.equal(cycles);
    expect(readdirSync(path.join(directory, result.id, 'raw'))).to.include('cyclictest.json');
  });

  for (const nanoseconds of [false, true])
    it(`cuts the samples of cyclictest into intervals, in ${nanoseconds ? 'ns' : 'us'}, and loses none`, async () => {
      const input = { cpus: 'all', duration: '1s', break: 'none', histogram: '20us', stream: '250ms', nanoseconds };
      const { result, measurement } = await trial(input, ['p50 <= 1h']);
      expect(result.verdict, result.reasons.join()).to.equal('pass');
      const raw = path.join(directory, result.id, 'raw');
      expect(readdirSync(raw)).to.include.members(['cyclictest.json', 'stdout.txt', 'stderr.txt']);
      const unit = nanoseconds ? 1 : 1000;
      const intervals = measurement?.intervals ?? [];
      expect(measurement?.metrics).to.have.length(facts.topology.online.length);
      for (const [thread, { cycles, min, max }] of threadsOf(result.id)) {
        const histogram = histogramOf(measurement, thread);
        expect([histogram.count, histogram.min, histogram.max]).to.deep.equal([cycles, min * unit, max * unit]);
        const own = intervals.filter(({ labels }) => labels['thread'] === thread);
        expect(own.reduce((sum, interval) => sum + interval.histogram.count, 0)).to.equal(cycles);
        expect(own.map(({ start }) => start)).to.deep.equal(own.map((_, index) => index * 250e6));
      }
      expect(measurement && hlogEntries(measurement, 0)).to.have.length(intervals.length);
    });

  it('has the intervals up to the latency that broke the limit', async () => {
    const { result, measurement } = await trial({ cpus: onlyCpu(), duration: '10s', break: '1us', stream: '100ms' });
    expect(result.verdict, result.reasons.join()).to.equal('fail');
    const count = measurement?.intervals?.reduce((sum, { histogram }) => sum + histogram.count, 0);
    expect(histogramOf(measurement, '0').count).to.equal(count).and.to.be.greaterThan(0);
  });

  it('fails with a reason where a latency is above break', async () => {
    const { result } = await trial({ cpus: onlyCpu(), loops: 2000, break: '1us' });
    expect(result.verdict).to.equal('fail');
    expect(result.reasons.join()).to.match(/above the 1 us of break/);
  });

  it('does not pass what too few samples support', async () => {
    const { result } = await trial({ cpus: onlyCpu(), loops: 50, break: 'none' }, ['p99.99 <= 1h']);
    expect(result.verdict).to.equal('no-data');
    expect(result.reasons.join()).to.contain('100000 needed');
  });

  for (const signal of ['KILL', 'TERM'])
    it(`gives error where cyclictest is ended by ${signal} in the middle`, async () => {
      const running = trial({ cpus: onlyCpu(), duration: '60s', break: 'none' });
      const pid = await pidOf(`trial-${String(number)}-0`);
      // It catches TERM once it measures, which it does as soon as its threads have woken up.
      await eventually('the threads of cyclictest to measure', () => wakeUpsOf(pid) > 10);
      await host.exec(['kill', `-${signal}`, String(pid)]);
      const { result } = await running;
      expect(result.verdict, result.reasons.join()).to.equal('error');
      expect(result.fault).to.equal('tool');
    });

  it('gives error where the load died', async () => {
    const running = trial({ cpus: onlyCpu(), loops: 1500, break: 'none' }, [], [{ stressor: 'cpu', cpus: onlyCpu() }]);
    const pid = await pidOf(`trial-${String(number)}-load0`);
    await pidOf(`trial-${String(number)}-0`);
    await host.exec(['kill', '-KILL', String(pid)]);
    const { result } = await running;
    expect(result.verdict, result.reasons.join()).to.equal('error');
    expect(result.reasons.join()).to.contain('stress-ng');
  });

  it('measures with oslat', async () => {
    const { result, measurement } = await trial({ tool: 'oslat', cpus: onlyCpu(), duration: '1s' }, ['count >= 1000']);
    expect(result.verdict, result.reasons.join()).to.equal('pass');
    const [metric] = measurement?.metrics ?? [];
    const raw = JSON.parse(readFileSync(path.join(directory, result.id, 'raw', 'oslat.json'), 'utf8')) as {
      thread: Record<string, { min: number; max: number; histogram: Record<string, number> }>;
    };
    const thread = raw.thread['0'];
    if (metric?.kind !== 'histogram' || thread === undefined) throw new Error('no histogram');
    expect(metric.histogram.count).to.equal(Object.values(thread.histogram).reduce((sum, count) => sum + count, 0));
    expect([metric.histogram.min, metric.histogram.max]).to.deep.equal([thread.min * 1000, thread.max * 1000]);
  });

  it('fails with the interruption that stopped oslat', async () => {
    const { result } = await trial({ tool: 'oslat', cpus: onlyCpu(), duration: '30s', trace_threshold: '1us' });
    expect(result.verdict, result.reasons.join()).to.equal('fail');
    expect(result.reasons.join()).to.contain('of trace_threshold');
  });

  it('names the online CPUs where the one asked for is not there', async () => {
    const { result } = await trial({ cpus: 4000 });
    expect(result.fault).to.equal('environment');
    expect(result.reasons.join()).to.contain('online');
  });

  it('previews every command', () => {
    for (const tool of ['cyclictest', 'oslat', 'timerlat']) {
      const { commands, duration } = timer.preview(timer.options.parse({ tool }));
      expect(commands).to.have.length(1);
      expect(duration).to.be.greaterThan(0);
    }
    expect(timer.preview(timer.options.parse({ cpus: '2-5,8' })).commands[0]).to.include.members(['2-5,8', '5']);
  });

  it('takes cyclictest where no tool is named, and refuses an option of another tool', () => {
    expect(timer.options.parse({})).to.have.property('tool', 'cyclictest');
    expect(timer.options.safeParse({ buckets: 8 }).success).to.equal(false);
    expect(timer.options.safeParse({ tool: 'cyclicdeadline' }).success).to.equal(false);
  });
});
