import { existsSync } from 'node:fs';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { parseStatus } from '../../lib/host/job.js';
import { listJobs, removeRun, stateDirectory } from '../../lib/host/runs.js';
import { processesWith } from '../support/processes.js';
import { newRun, onEachTransport, rejection } from './transports.js';
import { eventually } from '../support/eventually.js';

/** A number of seconds that marks the processes of one test. */
let marks = 0;
const newMark = (): string => {
  marks += 1;
  return `${String(4000 + marks)}${String(process.pid)}`;
};

const appear = async (count: number, ...words: readonly string[]): Promise<void> => {
  await eventually(`${String(count)} of ${words.join(' ')}`, () => processesWith(...words).length >= count);
};

describe('A detached job', () => {
  it('has a status of four numbers, and a signal beyond 128', () => {
    expect(parseStatus('0 10 20 5\n')).to.deep.equal({
      exitCode: 0,
      signal: undefined,
      startedAt: 10n,
      endedAt: 20n,
      overhead: 5,
    });
    expect(parseStatus('137 1795371164530613615 1795371164530613616 0\n')).to.deep.include({
      exitCode: undefined,
      signal: 'SIGKILL',
      startedAt: 1795371164530613615n,
    });
    expect(parseStatus('255 1 2 3\n')).to.include({ exitCode: 255 });
    for (const text of ['', '0 1 2', 'x 1 2 3\n', '0 1 2 3']) expect(parseStatus(text)).to.equal(undefined);
  });

  onEachTransport((host) => {
    it('leaves output, exit status and times in its directory, which is its own', async () => {
      const run = newRun();
      await using job = await host().start({
        run,
        name: 'tool',
        argv: ['sh', '-c', 'echo "$A"; echo err >&2; pwd >made; exit 3'],
        env: { A: 'a  b' },
      });
      expect(job.directory).to.equal(`${await stateDirectory(host())}/${run}/tool`);
      const result = await job.wait();
      expect(result).to.include({ exitCode: 3, signal: undefined });
      expect(result.endedAt > result.startedAt).to.equal(true);
      expect(result.overhead).to.be.greaterThan(0);
      expect(await host().read(`${job.directory}/stdout`)).to.equal('a  b\n');
      expect(await host().read(`${job.directory}/stderr`)).to.equal('err\n');
      expect(await host().read(`${job.directory}/made`)).to.equal(`${job.directory}\n`);
      const mode = await host().exec(['stat', '-c', '%a', job.directory]);
      expect(mode.stdout).to.equal('700\n');
    });

    it('carries its marker, has a session of its own and is the process that its pid names', async () => {
      const run = newRun();
      await using job = await host().start({
        run,
        name: 'tool',
        argv: ['sh', '-c', 'echo "$KVM4NFV_JOB $$"; cut -d" " -f6 /proc/self/stat'],
      });
      await job.wait();
      expect(await host().read(`${job.directory}/stdout`)).to.equal(
        `${run}/tool ${String(job.pid)}\n${String(job.pid)}\n`,
      );
    });

    it('is found again by run and name, as often as one likes', async () => {
      const run = newRun();
      await using job = await host().start({
        run,
        name: 'tool',
        argv: ['sh', '-c', 'while [ ! -e go ]; do sleep 0.02; done'],
      });
      const again = await host().attach(run, 'tool');
      expect(again).to.include({ pid: job.pid, directory: job.directory });
      const waits = [job.wait(), again.wait()];
      expect(await job.running()).to.equal(true);
      await host().write(`${job.directory}/go`, '');
      expect(await Promise.all(waits)).to.have.nested.property('[1].exitCode', 0);
      expect(await again.running()).to.equal(false);
      expect(await (await host().attach(run, 'tool')).wait()).to.include({ exitCode: 0 });
      expect(await rejection(host().attach(run, 'other'))).to.be.instanceOf(Kvm4nfvError);
    });

    it('goes on when a wait for it times out or is aborted', async () => {
      await using job = await host().start({ run: newRun(), name: 'tool', argv: ['sleep', newMark()] });
      expect(await rejection(job.wait({ timeout: 100 })))
        .to.have.property('message')
        .that.includes('still runs after 0.1 s');
      expect(await rejection(job.wait({ signal: AbortSignal.timeout(100) }))).to.have.property('fault', 'interrupted');
      expect(await job.running()).to.equal(true);
    });

    it('tells a signal from an exit status, and a tool that is not there', async () => {
      const run = newRun();
      await using killed = await host().start({ run, name: 'killed', argv: ['sh', '-c', 'kill -SEGV $$'] });
      expect(await killed.wait()).to.include({ exitCode: undefined, signal: 'SIGSEGV' });
      await using missing = await host().start({ run, name: 'missing', argv: ['no-such-tool'] });
      expect(await missing.wait()).to.include({ exitCode: 127 });
      expect(await host().read(`${missing.directory}/stderr`)).to.include('no-such-tool');
    });

    it('is cancelled with all its children, whatever sessions, groups or traps they have', async () => {
      const mark = newMark();
      const run = newRun();
      const script = `setsid sh -c 'sleep ${mark}' & setsid env -u NOTHING sleep ${mark} & trap '' TERM; sleep ${mark}; sleep ${mark}`;
      const job = await host().start({ run, name: 'tool', argv: ['sh', '-c', script] });
      await appear(3, 'sleep', mark);
      await job.cancel({ grace: 100 });
      expect(processesWith('sleep', mark)).to.deep.equal([]);
      expect(await job.running()).to.equal(false);
      expect(await job.wait()).to.include({ signal: 'SIGKILL' });
      await job[Symbol.asyncDispose]();
      expect(existsSync(job.directory)).to.equal(false);
    });

    it('may end by itself when it is asked to', async () => {
      const script = `trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done`;
      await using job = await host().start({ run: newRun(), name: 'tool', argv: ['sh', '-c', script] });
      await eventually('the tool', async () => (await host().read(`${job.directory}/stdout`)) === 'ready\n');
      await job.cancel();
      expect(await job.wait()).to.include({ exitCode: 7 });
      expect(await host().read(`${job.directory}/stdout`)).to.equal('ready\nbye\n');
      await job.cancel();
    });

    it('says so when its supervisor was killed, and leaves nothing then either', async () => {
      const mark = newMark();
      const job = await host().start({ run: newRun(), name: 'tool', argv: ['sleep', mark] });
      const [supervisor = 0] = processesWith('kvm4nfv-job', mark);
      process.kill(supervisor, 'SIGKILL');
      expect(await rejection(job.wait()))
        .to.have.property('message')
        .that.includes('supervisor was killed');
      expect(await job.running()).to.equal(true);
      await job[Symbol.asyncDispose]();
      expect(processesWith(mark)).to.deep.equal([]);
    });

    it('is not started twice under one name, and its name is no path', async () => {
      const run = newRun();
      await using job = await host().start({ run, name: 'tool', argv: ['true'] });
      await job.wait();
      expect(await rejection(host().start({ run, name: 'tool', argv: ['true'] })))
        .to.have.property('message')
        .that.includes('File exists');
      for (const name of ['../x', '', '.', 'a/b', 'a b', '-x'])
        expect(await rejection(host().start({ run, name, argv: ['true'] }))).to.have.property('fault', 'usage');
      expect(await rejection(removeRun(host(), '..'))).to.have.property('fault', 'usage');
    });

    it('is listed, and removed with its run and no other', async () => {
      const [run, other, mark] = [newRun(), newRun(), newMark()];
      await host().start({ run, name: 'long', argv: ['setsid', '-f', 'sleep', mark] });
      const ended = await host().start({ run, name: 'short', argv: ['true'] });
      await ended.wait();
      await using kept = await host().start({ run: other, name: 'long', argv: ['sleep', mark] });
      await appear(2, 'sleep', mark);
      const jobs = (await listJobs(host())).filter((job) => job.run === run || job.run === other);
      expect(jobs).to.have.deep.members([
        { run, name: 'long', running: true },
        { run, name: 'short', running: false },
        { run: other, name: 'long', running: true },
      ]);
      await removeRun(host(), run);
      await removeRun(host(), run);
      expect(existsSync(`${await stateDirectory(host())}/${run}`)).to.equal(false);
      expect(processesWith('sleep', mark)).to.deep.equal([kept.pid]);
    });
  });
});
