import path from 'node:path';
import { expect } from 'chai';
import type { Deployment } from '../../lib/contexts/context.js';
import { readFacts } from '../../lib/host/facts.js';
import { meetNeeds } from '../../lib/run/needs.js';
import type { PlannedTest } from '../../lib/run/plan.js';
import type { ScenarioDefinition } from '../../lib/run/scenario.js';
import { runTrial, type TrialOutcome } from '../../lib/run/trial.js';
import { iteration } from '../../runners/iteration.js';
import { hardwareLatency } from '../../scenarios/hardware-latency/index.js';
import { timer } from '../../scenarios/timer/index.js';
import { GuestRun, needGuests, printed } from '../contexts/kvm-guest/guests.js';

/** The tracers of a real-time kernel and Debian's rtla, by the executor's own trial. Under emulation they see the host. */
describe('kind N: tracers, in a guest whose kernel has them', function () {
  this.timeout(20 * 60_000);
  let run: GuestRun;
  let guest: Deployment;
  let number = 0;
  before(async function () {
    await needGuests(this);
    run = await GuestRun.open('tracers');
    guest = await run.deploy('guest', { image: { kernel: 'rt', tools: ['rtla'] }, vcpus: 2, memory: '768MiB' });
  });
  after(async () => {
    await (run as GuestRun | undefined)?.[Symbol.asyncDispose]();
  });

  const trial = async <Options>(
    definition: ScenarioDefinition<Options>,
    input: Record<string, unknown>,
  ): Promise<TrialOutcome> => {
    const scenario = definition as ScenarioDefinition;
    const options = scenario.options.parse(input);
    const test: PlannedTest = {
      name: 'traced',
      tags: [],
      scenario,
      context: 'guest',
      input,
      options,
      parameters: {},
      runner: { definition: iteration, options: {} },
      load: [],
      sla: [],
    };
    const sut = { host: guest.sut, facts: await readFacts(guest.sut) };
    const signal = AbortSignal.timeout(300_000);
    const nothing = (): Promise<void> => Promise.resolve();
    await meetNeeds(sut.host, sut.facts, scenario.needs(options), { provision: false, installed: nothing, signal });
    const id = `trial-${String(++number)}`;
    return runTrial({
      run: run.run,
      id,
      test,
      asked: { parameters: {} },
      sut,
      loadMachines: [],
      root: run.directory,
      directory: path.join(run.directory, id),
      signal,
    });
  };

  const settings = (): Promise<string> =>
    printed(
      guest,
      'sh',
      '-c',
      'cd /sys/kernel/tracing && cat current_tracer tracing_thresh tracing_on tracing_cpumask hwlat_detector/*',
    );

  it('watches every CPU for gaps, and puts the tracer back', async () => {
    const before = await settings();
    const { result } = await trial(hardwareLatency, { cpus: 'all', duration: '4s', width: '200ms', window: '500ms' });
    expect(result.verdict, result.reasons.join()).to.equal('pass');
    const values = (name: string): number[] =>
      result.metrics.flatMap((metric) => (metric.kind !== 'histogram' && metric.name === name ? [metric.value] : []));
    expect(values('watched')).to.have.length(2);
    for (const watched of values('watched')) expect(watched).to.be.at.least(1.4e9);
    if (guest.traits.emulated === true) for (const longest of values('longest')) expect(longest).to.be.at.least(10_000);
    expect(await settings()).to.equal(before);
  });

  it('leaves a tracer alone that is in use', async () => {
    await printed(guest, 'sh', '-c', 'echo osnoise >/sys/kernel/tracing/current_tracer');
    try {
      const { result } = await trial(hardwareLatency, { duration: '1s', window: '1s' });
      expect(result.fault).to.equal('environment');
      expect(result.reasons.join()).to.contain('the tracer is in use there (osnoise)');
    } finally {
      await printed(guest, 'sh', '-c', 'echo nop >/sys/kernel/tracing/current_tracer');
    }
  });

  it('measures the noise of every CPU with rtla', async () => {
    const { result, measurement } = await trial(timer, { tool: 'osnoise', cpus: 'all', duration: '3s' });
    expect(result.verdict, result.reasons.join()).to.equal('pass');
    expect(measurement?.metrics.map(({ name, labels }) => [name, labels['cpu']])).to.deep.equal([
      ['noise', '0'],
      ['noise', '1'],
    ]);
    expect(result.notes['version']).to.match(/^\d/);
  });

  it('stops at a limit of rtla, which fails with the number', async () => {
    const { result } = await trial(timer, {
      tool: 'timerlat',
      cpus: 'all',
      duration: '20s',
      period: '100ms',
      stop_thread: '1us',
    });
    expect(result.verdict, result.reasons.join()).to.equal('fail');
    expect(result.reasons[0]).to.match(
      /^CPU [01] had a latency of \d+ us \(thread\), not less than the 1 us of stop_thread/,
    );
  });

  it('refuses rtla hwnoise before anything is measured where this rtla has none', async function () {
    const { stdout, stderr } = await guest.sut.exec(['rtla', '--help'], { check: false });
    if (`${stdout}${stderr}`.includes('hwnoise')) return this.skip();
    const error: unknown = await trial(hardwareLatency, { tool: 'hwnoise', duration: '1s' }).catch(
      (cause: unknown) => cause,
    );
    expect(String(error)).to.contain('has a rtla without --cpus: a newer rtla is needed');
    expect(error).to.include({ fault: 'environment' });
  });
});
