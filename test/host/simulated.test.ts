import { expect } from 'chai';
import { readFiles, WriteError, writeFiles } from '../../lib/host/files.js';
import { CommandError } from '../../lib/host/host.js';
import { Refusal, SimulatedHost } from '../../lib/host/simulated.js';
import { rejection } from './transports.js';

describe('A simulated host', () => {
  it('has files, and takes values as the kernel does', async () => {
    const host = new SimulatedHost({
      files: { '/sys/a': '0\n', '/sys/total': '0\n', '/sys/strict': '5\n' },
      writes: {
        '/sys/a': (text, { files }) =>
          files.set('/sys/a', `${text}\n`).set('/sys/total', `${String(Number(text) * 2)}\n`),
        '/sys/strict': () => {
          throw new Refusal();
        },
      },
    });
    await writeFiles(host, [
      ['/sys/a', '3'],
      ['/tmp/x', 'y'],
    ]);
    expect(await readFiles(host, ['/sys/a', '/sys/total', '/sys/none', '/tmp/x'])).to.deep.equal(
      new Map([
        ['/sys/a', '3\n'],
        ['/sys/total', '6\n'],
        ['/tmp/x', 'y'],
      ]),
    );
    expect(await rejection(host.write('/sys/strict', '9')))
      .to.be.instanceOf(WriteError)
      .with.property('message')
      .that.includes("'9' refused: Invalid argument");
    expect(await rejection(host.write('/sys/none', '9'))).to.be.instanceOf(WriteError);
    expect(host.written).to.deep.equal([
      ['/sys/a', '3'],
      ['/tmp/x', 'y'],
    ]);
    expect(await host.read('/sys/strict')).to.equal('5\n');
    expect(await rejection(host.read('/sys/none'))).to.have.property('fault', 'environment');
  });

  it('answers commands as it was told to, and knows no others', async () => {
    const host = new SimulatedHost({ commands: { uname: () => 'Linux\n', false: () => ({ exitCode: 1 }) } });
    expect((await host.exec(['uname', '-s'])).stdout).to.equal('Linux\n');
    expect(await rejection(host.exec(['false']))).to.be.instanceOf(CommandError);
    expect(await host.exec(['other'], { check: false })).to.include({ exitCode: 127 });
    expect(host.executed).to.deep.equal([['uname', '-s'], ['false'], ['other']]);
  });

  it('has jobs that end with their outcome, or are cancelled', async () => {
    const host = new SimulatedHost({
      commands: {
        tool: () => ({ exitCode: 2, stdout: 'out', files: { histogram: '1 2\n' } }),
        forever: () => new Promise(() => undefined),
      },
    });
    const job = await host.start({ run: 'r', name: 'a', argv: ['tool'] });
    expect(await job.wait()).to.include({ exitCode: 2 });
    expect(await host.read(`${job.directory}/stdout`)).to.equal('out');
    expect(await host.read(`${job.directory}/histogram`)).to.equal('1 2\n');
    await job[Symbol.asyncDispose]();
    expect(host.files.size).to.equal(0);
    await using long = await host.start({ run: 'r', name: 'b', argv: ['forever'] });
    expect(await rejection(long.wait({ timeout: 5 }))).to.have.property('fault', 'tool');
    expect(await (await host.attach('r', 'b')).running()).to.equal(true);
    await long.cancel();
    expect(await long.wait()).to.include({ signal: 'SIGTERM', exitCode: undefined });
  });
});
