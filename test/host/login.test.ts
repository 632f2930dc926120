import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { expect } from 'chai';
import { readFacts } from '../../lib/host/facts.js';
import type { Host } from '../../lib/host/host.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { rejection } from '../support/rejection.js';
import { logins, startLoginLab, type LoginLab } from './logins/lab.js';
import { newRun } from './transports.js';

const shellOf = (name: string): string => logins.find((login) => login.name === name)?.shell ?? '';

describe('A login', function () {
  let lab: LoginLab;
  before(async function () {
    if (userInfo().uid !== 0) this.skip();
    lab = await startLoginLab();
  });
  after(() => lab[Symbol.asyncDispose]());

  const open = (name: string, transport: 'ssh2' | 'openssh' = 'ssh2'): Promise<Host> =>
    openSshHost('node1', { ...lab.spec(name), transport });

  const words = ["it's", 'back\\slash \\\\', '!! bang!', 'two\nlines\n', '$HOME `id` "q" %s', 'ünïcode', ''];

  for (const name of ['plain', 'noisy', 'noisyerr', 'titled', 'slow', 'fishu', 'tcshu', 'zshu', 'rbashu'])
    for (const transport of ['ssh2', 'openssh'] as const)
      it(`of ${name} by ${transport} runs commands, and nothing that its shell says gets into what they say`, async function () {
        if (!existsSync(shellOf(name))) this.skip();
        await using host = await open(name, transport);
        const { stdout, stderr } = await host.exec(['sh', '-c', 'printf "%s|" "$@"; echo err >&2', 'sh', ...words]);
        expect(stdout).to.equal(words.map((word) => `${word}|`).join(''));
        expect(stderr).to.equal('err\n');
        expect((await host.exec(['cat'], { stdin: 'a\0b' })).stdout).to.equal('a\0b');
        const failed = await host.exec(['sh', '-c', 'kill -KILL $$'], { check: false });
        expect(failed).to.include({ exitCode: undefined, signal: 'SIGKILL' });
        const facts = await readFacts(host);
        expect(facts.hostname).to.equal('kvm4nfv-nowhere');
        expect(facts.user.name).to.equal(name);
      });

  for (const [name, said] of [
    ['nolog', 'not available'],
    ['falsely', 'said nothing'],
    ['exitrc', 'said nothing'],
  ] as const)
    it(`of ${name} runs no commands, which is told with what it said`, async () => {
      await using host = await open(name);
      const error = await rejection(host.exec(['true']));
      expect(error).to.include({ name: 'SshError', fault: 'unreachable', stage: 'login', code: 'E_SSH_LOGIN_SHELL' });
      expect(error).to.have.property('message').that.includes("can't run commands").and.includes(said);
    });

  it('that hands over to another shell runs no commands', async function () {
    if (!existsSync('/usr/bin/fish')) this.skip();
    await using host = await open('execfish');
    expect(await rejection(host.exec(['true']))).to.have.property('code', 'E_SSH_LOGIN_SHELL');
  });

  it('has the time of a command counted from its beginning', async () => {
    await using host = await open('slow');
    expect((await host.exec(['echo', 'in'], { timeout: 1000 })).stdout).to.equal('in\n');
  });

  for (const name of ['plain', 'noisy', 'logged', 'fishu', 'tcshu', 'zshu'])
    it(`of ${name} runs what needs root through sudo, whose warnings are no words of the command`, async function () {
      if (!existsSync(shellOf(name))) this.skip();
      await using host = await open(name);
      expect(await host.exec(['sh', '-c', 'id -u; echo err >&2'], { root: true })).to.include({
        stdout: '0\n',
        stderr: 'err\n',
      });
      expect((await readFacts(host)).user).to.deep.include({ root: false, sudo: true });
      await using job = await host.start({
        run: newRun(),
        name: 'roots',
        argv: ['sh', '-c', 'id -u; exit 3'],
        root: true,
      });
      expect(await job.wait({ timeout: 30_000 })).to.include({ exitCode: 3 });
      expect(await host.read(`${job.directory}/stdout`, { root: true })).to.equal('0\n');
    });

  for (const [name, said, hint] of [
    ['rbashu', 'password', 'NOPASSWD'],
    ['asked', 'password', 'NOPASSWD'],
    ['nottyu', 'must have a tty', 'requiretty'],
  ] as const)
    it(`of ${name} may not be root, which is told in the words of sudo`, async () => {
      await using host = await open(name);
      expect((await readFacts(host)).user).to.not.have.property('sudo');
      for (const check of [true, false]) {
        const error = await rejection(host.exec(['id'], { root: true, check }));
        expect(error).to.include({ name: 'SudoError', fault: 'environment', code: 'E_SUDO' });
        expect(error).to.have.property('message').that.includes(said);
        expect(error).to.have.property('hint').that.includes(hint);
      }
      const start = host.start({ run: newRun(), name: 'roots', argv: ['id'], root: true });
      expect(await rejection(start)).to.have.property('code', 'E_SUDO');
      expect((await host.exec(['id', '-un'])).stdout).to.equal(`${name}\n`);
    });
});
