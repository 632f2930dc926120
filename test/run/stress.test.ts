import { readdirSync } from 'node:fs';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { readFacts, type HostFacts } from '../../lib/host/facts.js';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { loadSchema, stressors } from '../../lib/run/load.js';
import { loadArgv, startLoad, type RunningLoad } from '../../lib/run/stress.js';
import { eventually } from '../support/eventually.js';

const run = `stress-test-${String(process.pid)}`;

const failureOf = async (doing: Promise<unknown>): Promise<Kvm4nfvError> => {
  const error: unknown = await doing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!Kvm4nfvError.is(error)) throw new Error(`expected a Kvm4nfvError, got ${String(error)}`);
  return error;
};

/** Pids of a job's session, by the state of which it can be told apart. */
const processesOf = async (host: Host, session: number): Promise<{ pid: number; name: string }[]> => {
  const { stdout } = await host.exec(['ps', '-s', String(session), '-o', 'pid=,stat=,comm='], { check: false });
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([pid, state = 'Z', name = '']) => (state.startsWith('Z') ? [] : [{ pid: Number(pid), name }]));
};

/** On a loaded machine a worker may have to wait for its first time slice. */
const settled = async (load: { check(): Promise<void> }): Promise<void> => {
  for (let left = 100; ; left--) {
    try {
      await load.check();
      break;
    } catch (error) {
      if (left === 0) throw error;
    }
  }
};

describe('load', function () {
  this.timeout(120_000);
  let host: Host;
  let facts: HostFacts;
  const loads: RunningLoad[] = [];

  const sessionOf = async (name: string): Promise<number> => (await host.attach(run, name)).pid;

  const start = async (name: string, input: Record<string, unknown>): Promise<RunningLoad> => {
    const load = await startLoad(host, facts, loadSchema.parse(input), { run, name });
    if (load === undefined) throw new Error('no load');
    loads.push(load);
    return load;
  };

  before(async () => {
    host = localHost('local');
    facts = await readFacts(host);
  });
  afterEach(async () => {
    await Promise.all(loads.splice(0).map((load) => load.stop()));
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
  });

  it('is nothing for stressor none', async () => {
    expect(await startLoad(host, facts, loadSchema.parse({ stressor: 'none' }), { run, name: 'none' })).to.equal(
      undefined,
    );
  });

  it('has one worker for each CPU of its set and stays on it', async () => {
    const cpus = facts.topology.online;
    expect(loadArgv(loadSchema.parse({ stressor: 'cpu' }), cpus)).to.include.members(['--cpu', String(cpus.length)]);
    const only = String(cpus.at(-1));
    const load = await start('set', { stressor: 'cpu', cpus: only });
    expect(load.argv).to.include.members(['--taskset', only, '--cpu', '1']);
    await settled(load);
    for (const { pid } of await processesOf(host, await sessionOf('set'))) {
      const status = await host.read(`/proc/${String(pid)}/status`);
      expect(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1], status).to.equal(only);
    }
  });

  it('gives each worker of vm the memory that was asked for', () => {
    const spec = loadSchema.parse({ stressor: 'vm', workers: 3, memory: '100MiB' });
    expect(loadArgv(spec, [0])).to.include.members(['--vm', '3', '--vm-bytes', String(300 * 2 ** 20)]);
  });

  it('limits the cpu stressor to a percentage', () => {
    expect(loadArgv(loadSchema.parse({ stressor: 'cpu', percent: 40 }), [0, 1])).to.include.members([
      '--cpu-load',
      '40',
    ]);
  });

  for (const stressor of stressors)
    it(`runs ${stressor}, passes its check, and leaves no process and no file`, async () => {
      const before = readdirSync('/var/tmp');
      const load = await start(stressor, { stressor, cpus: 0, ...(stressor === 'vm' ? { memory: '16MiB' } : {}) });
      await settled(load);
      const session = await sessionOf(stressor);
      expect(await processesOf(host, session)).to.not.deep.equal([]);
      await load.stop();
      expect(await processesOf(host, session)).to.deep.equal([]);
      expect(
        readdirSync('/var/tmp').filter((name) => !before.includes(name) && name.startsWith('kvm4nfv-load')),
      ).to.deep.equal([]);
    });

  it('fails its check when it was killed', async () => {
    const load = await start('killed', { stressor: 'cpu', cpus: 0 });
    for (const { pid } of await processesOf(host, await sessionOf('killed')))
      await host.exec(['kill', '-9', String(pid)], { check: false });
    const error = await failureOf(load.check());
    expect(error.fault).to.equal('tool');
    expect(error.message).to.match(/died|workers left/);
  });

  it('fails its check when a worker is lost', async () => {
    const load = await start('lost', { stressor: 'io', cpus: 0, workers: 2 });
    await load.check();
    const workers = (await processesOf(host, await sessionOf('lost'))).filter(({ name }) => name === 'stress-ng-io');
    expect(workers).to.have.length(2);
    await host.exec(['kill', '-9', String(workers[0]?.pid)]);
    // One that is writing to a disk ends once it has written.
    await eventually('the end of the worker', async () =>
      (await processesOf(host, await sessionOf('lost'))).every(({ pid }) => pid !== workers[0]?.pid),
    );
    const error = await failureOf(load.check());
    expect(error.message).to.contain('1 of its 2 workers left');
  });

  it('fails its check when its workers do not run', async () => {
    // In real life real-time work starves them; here they are stopped.
    const load = await start('starved', { stressor: 'cpu', cpus: 0 });
    const session = await sessionOf('starved');
    for (const { pid } of await processesOf(host, session)) await host.exec(['kill', '-STOP', String(pid)]);
    let error: unknown;
    // Until what they did before they were stopped is below 1 % of the time.
    for (let left = 400; left > 0 && error === undefined; left--)
      error = await load.check().then(
        () => undefined,
        (reason: unknown) => reason,
      );
    for (const { pid } of await processesOf(host, session)) await host.exec(['kill', '-CONT', String(pid)]);
    expect(Kvm4nfvError.is(error)).to.equal(true);
    expect(String(error)).to.contain('of CPU time');
  });

  it('refuses CPUs that the host has not, and names those it has', async () => {
    const error = await failureOf(
      startLoad(host, facts, loadSchema.parse({ stressor: 'cpu', cpus: 4000 }), { run, name: 'absent' }),
    );
    expect(error.fault).to.equal('environment');
    expect(error.message).to.contain('online');
  });

  it('says so when stress-ng ends at once', async () => {
    const spec = loadSchema.parse({ stressor: 'vm', cpus: 0, memory: '1000TiB' });
    const error = await failureOf(startLoad(host, facts, spec, { run, name: 'absurd' }));
    expect(error.fault).to.equal('tool');
    expect(await failureOf(host.attach(run, 'absurd'))).to.have.property('fault');
  });
});
