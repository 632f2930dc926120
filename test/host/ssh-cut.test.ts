import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { localHost } from '../../lib/host/local.js';
import { openSshHost, type SshStage } from '../../lib/host/ssh/open.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { processesWith } from '../support/processes.js';
import { newRun, rejection } from './transports.js';
import { eventually } from '../support/eventually.js';

const expectStage = (error: unknown, stage: SshStage, ...words: readonly string[]): void => {
  // By name: `openHost` imports the transport when it is needed, and the loader of the tests makes a second copy of it.
  expect(error).to.include({ name: 'SshError', fault: 'unreachable', stage });
  for (const word of ['127.0.0.1', ...words]) expect(error).to.have.property('message').that.includes(word);
  expect(error).to.have.property('hint').that.is.a('string');
};

describe('An SSH host whose connection is cut', () => {
  let directory = '';
  let sshd: Sshd;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-ssh-'));
    sshd = await startSshd();
  });
  after(async () => {
    await sshd[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  it('is connected to again, and a job has gone on and its result is fetched', async () => {
    await using host = await openSshHost('node1', sshd.spec());
    await using job = await host.start({
      run: newRun(),
      name: 'tool',
      argv: ['sh', '-c', 'while [ ! -e go ]; do sleep 0.05; done; echo done'],
    });
    const ended = job.wait({ timeout: 60_000 });
    expect(await sshd.cut()).to.be.greaterThan(0);
    await host.write(`${job.directory}/go`, '');
    expect(await ended).to.include({ exitCode: 0 });
    expect(await host.read(`${job.directory}/stdout`)).to.equal('done\n');
  });

  it('has the job that was being started, once', async () => {
    await using own = await startSshd();
    await using host = await openSshHost('node1', own.spec());
    const run = newRun();
    const file = join(directory, `started-${run}`);
    const starting = host.start({ run, name: 'tool', argv: ['sh', '-c', 'echo once >>"$1"; sleep 74', 'sh', file] });
    // The tool runs, and the answer that says so may be on its way or lost.
    await eventually('the tool to run', async () => (await readFile(file, 'utf8').catch(() => '')) !== '', {
      every: 1,
    });
    await own.cut();
    await using job = await starting;
    expect(await job.running()).to.equal(true);
    await job.cancel();
    expect(await readFile(file, 'utf8')).to.equal('once\n');
    expect(processesWith('sleep', '74')).to.deep.equal([]);
  });

  it('loses the command that may have run, and never runs it twice', async () => {
    await using host = await openSshHost('node1', sshd.spec());
    const file = join(directory, 'ran');
    const running = host.exec(['sh', '-c', 'echo once >>"$1"; sleep 71', 'sh', file]);
    const error = rejection(running);
    await eventually('the command to run', async () => (await readFile(file, 'utf8')) !== '');
    await sshd.cut();
    expectStage(await error, 'connection', 'lost');
    expect((await host.exec(['cat', file])).stdout).to.equal('once\n');
    for (const pid of processesWith('sleep', '71')) process.kill(pid);
  });

  it('is given up when it does not come back before the deadline of a wait', async () => {
    const mortal = await startSshd();
    await using host = await openSshHost('node1', mortal.spec());
    const run = newRun();
    const job = await host.start({ run, name: 'tool', argv: ['sleep', '72'] });
    const ended = rejection(job.wait({ timeout: 1500 }));
    await mortal.cut();
    await mortal[Symbol.asyncDispose]();
    expect(await ended)
      .to.be.instanceOf(Kvm4nfvError)
      .with.property('fault', 'unreachable');
    const left = await localHost().attach(run, 'tool');
    await left[Symbol.asyncDispose]();
    expect(processesWith('sleep', '72')).to.deep.equal([]);
  });
});
