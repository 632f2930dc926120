import { mkdtemp, readFile, rm, stat, writeFile, readdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { Kvm4nfvError } from '../../lib/error.js';
import { readFiles, WriteError, writeFiles } from '../../lib/host/files.js';
import { CommandError, UnreachableError } from '../../lib/host/host.js';
import { processesWith } from '../support/processes.js';
import { onEachTransport, rejection } from './transports.js';
import { eventually } from '../support/eventually.js';

describe('A host', () => {
  onEachTransport((host) => {
    let directory = '';
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-host-'));
    });
    after(() => rm(directory, { recursive: true, force: true }));

    it('hands argv over unchanged', async () => {
      const words = fc.array(
        fc.string({ unit: 'binary' }).map((word) => word.replaceAll('\0', '')),
        { maxLength: 5 },
      );
      await fc.assert(
        fc.asyncProperty(words, async (argv) => {
          const { stdout } = await host().exec(['printf', '%s|', '', ...argv]);
          expect(stdout).to.equal(['', ...argv].map((word) => `${word}|`).join(''));
        }),
        { numRuns: 20 },
      );
    });

    it('gives environment, working directory and standard input to a command, and the C locale', async () => {
      const script = 'printf "%s,%s,%s," "$GREETING" "$PWD" "$LC_ALL"; cat';
      const options = { env: { GREETING: `it's "so"` }, cwd: directory, stdin: 'a\0b\n' };
      const { stdout } = await host().exec(['sh', '-c', script], options);
      expect(stdout).to.equal(`it's "so",${directory},C,a\0b\n`);
    });

    it('keeps stdout and stderr apart, and tells exit status and signal', async () => {
      const failed = await host().exec(['sh', '-c', 'echo out; echo err >&2; exit 3'], { check: false });
      expect(failed).to.deep.include({ exitCode: 3, signal: undefined, stdout: 'out\n', stderr: 'err\n' });
      const killed = await host().exec(['sh', '-c', 'kill -KILL $$'], { check: false });
      expect(killed).to.deep.include({ exitCode: undefined, signal: 'SIGKILL' });
    });

    it('throws for a command that fails or is not there, with what it said', async () => {
      const failed = await rejection(host().exec(['ls', '/nowhere']));
      expect(failed)
        .to.be.instanceOf(CommandError)
        .with.property('message')
        .that.matches(/ls \/nowhere: exit 2: .*No such file/);
      const missing = await rejection(host().exec(['no-such-tool']));
      expect(missing).to.be.instanceOf(CommandError).with.property('hint', `install 'no-such-tool' on ${host().name}`);
    });

    it('does not mind a command that leaves its input unread', async () => {
      expect((await host().exec(['true'], { stdin: 'x'.repeat(1_000_000) })).exitCode).to.equal(0);
    });

    it('keeps head and tail of too much output, and counts the rest', async () => {
      const script = 'echo first; seq 1 200000; echo last';
      const { stdout, dropped } = await host().exec(['sh', '-c', script], { maxOutput: 10_000 });
      const whole = (await host().exec(['sh', '-c', script])).stdout;
      expect(stdout)
        .to.match(/^first\n1\n/)
        .and.match(/\n200000\nlast\n$/)
        .and.include(`[${String(dropped)} bytes dropped]`);
      expect(dropped).to.equal(whole.length - 10_000);
      expect(stdout.slice(0, 5000)).to.equal(whole.slice(0, 5000));
      expect(stdout.slice(-5000)).to.equal(whole.slice(-5000));
    });

    it('ends a command that takes too long, with children that made sessions of their own', async () => {
      const mark = `31${String(process.pid)}`;
      const error = await rejection(
        host().exec(['sh', '-c', `setsid sleep ${mark} & (trap '' TERM; sleep ${mark}; sleep ${mark})`], {
          timeout: 300,
        }),
      );
      expect(error).to.be.instanceOf(Kvm4nfvError).with.property('message').that.includes('longer than 0.3 s');
      expect(processesWith('sleep', mark)).to.deep.equal([]);
    });

    it('ends a command whose signal is aborted', async () => {
      const mark = `32${String(process.pid)}`;
      const controller = new AbortController();
      const running = host().exec(['sleep', mark], { signal: controller.signal });
      await eventually('the command to run', () => processesWith('sleep', mark).length > 0);
      controller.abort();
      expect(await rejection(running))
        .to.be.instanceOf(Kvm4nfvError)
        .with.property('fault', 'interrupted');
      expect(processesWith('sleep', mark)).to.deep.equal([]);
      expect(await rejection(host().exec(['true'], { signal: controller.signal }))).to.have.property(
        'fault',
        'interrupted',
      );
    });

    it('refuses an environment that is none, naming it, before anything runs', async () => {
      for (const name of ['A=B', '1A', 'A B', '', '-x', 'A;id'])
        expect(await rejection(host().exec(['true'], { env: { [name]: 'x' } })), name).to.include({
          fault: 'usage',
          message: `not an environment variable: ${JSON.stringify(name)}`,
        });
      expect(await rejection(host().exec(['true'], { env: { A: 'x\0y' } }))).to.have.property('fault', 'usage');
      expect((await host().exec(['sh', '-c', 'echo "$_A1"'], { env: { _A1: 'a=b' } })).stdout).to.equal('a=b\n');
    });

    it('writes files whole, keeps their mode, and leaves no other file behind', async () => {
      const path = join(directory, `it's a "file"`);
      await host().write(path, 'secret\n', { mode: 0o600 });
      expect((await stat(path)).mode & 0o777).to.equal(0o600);
      await host().write(path, 'ünïcode without newline');
      expect((await stat(path)).mode & 0o777).to.equal(0o600);
      expect(await host().read(path)).to.equal('ünïcode without newline');
      expect((await readdir(directory)).filter((name) => name.startsWith("it's"))).to.have.length(1);
    });

    it('writes in place below /proc', async () => {
      const path = '/proc/sys/kernel/core_pattern';
      const before = await host().read(path);
      await host().write(path, before);
      expect(await host().read(path)).to.equal(before);
    });

    it('says which file can not be read or written', async () => {
      expect(await rejection(host().read('/nowhere/x')))
        .to.have.property('message')
        .that.includes("can't read /nowhere/x: ")
        .and.includes('No such file');
      expect(await rejection(host().write('/nowhere/x', '')))
        .to.have.property('message')
        .that.includes("can't write /nowhere/x: ");
    });

    it('uploads and downloads bytes as they are', async () => {
      const bytes = Buffer.from(Uint8Array.from({ length: 3_000_001 }, (_, index) => (index * 7919) >> 3));
      await writeFile(join(directory, 'from'), bytes, { mode: 0o640 });
      await host().upload(join(directory, 'from'), join(directory, 'there'), { mode: 0o751 });
      await host().download(join(directory, 'there'), join(directory, 'back'));
      expect((await readFile(join(directory, 'back'))).equals(bytes)).to.equal(true);
      expect((await stat(join(directory, 'there'))).mode & 0o777).to.equal(0o751);
      expect(await rejection(host().download('/nowhere', join(directory, 'none')))).to.have.property(
        'fault',
        'environment',
      );
      expect(await readdir(directory))
        .to.not.include('none')
        .and.not.satisfy((names: string[]) => names.some((name) => name.endsWith('.part')));
    });

    it('reads many files at once and leaves out what is not there', async () => {
      await writeFile(join(directory, 'empty'), '');
      await writeFile(join(directory, 'open'), 'no newline\n\nat the end');
      const paths = [
        join(directory, 'empty'),
        '/nowhere',
        join(directory, 'open'),
        directory,
        '/proc/self/environ',
        '/proc/version',
      ];
      const texts = await readFiles(host(), paths);
      expect([...texts.keys()]).to.deep.equal([paths[0], paths[2], paths[4], paths[5]]);
      expect(texts.get(join(directory, 'empty'))).to.equal('');
      expect(texts.get(join(directory, 'open'))).to.equal('no newline\n\nat the end');
      expect(texts.get('/proc/version')).to.equal(await readFile('/proc/version', 'utf8'));
      expect(await readFiles(host(), [])).to.have.property('size', 0);
    });

    it('reads more files at once than fit in one command', async () => {
      const paths = Array.from({ length: 1200 }, (_, index) =>
        index % 100 === 0 ? '/proc/version' : `/nowhere/${'x'.repeat(80)}${String(index)}`,
      );
      expect([...(await readFiles(host(), paths)).keys()]).to.deep.equal(['/proc/version']);
    });

    it('writes many files at once, in order, and stops at the first refusal with the words of the kernel', async () => {
      const [a, b] = [join(directory, 'a'), join(directory, 'b')];
      await writeFiles(host(), [
        [a, '1\n'],
        [b, `'2'`],
      ]);
      expect([...(await readFiles(host(), [a, b])).values()]).to.deep.equal(['1\n', `'2'`]);
      const error = await rejection(
        writeFiles(host(), [
          [a, '3'],
          ['/proc/sys/kernel/pid_max', 'many'],
          [b, '4'],
        ]),
      );
      expect(error).to.be.instanceOf(WriteError).and.include({ path: '/proc/sys/kernel/pid_max', text: 'many' });
      expect(error).to.have.property('message').that.includes("'many' refused: Invalid argument");
      expect([...(await readFiles(host(), [a, b])).values()]).to.deep.equal(['3', `'2'`]);
    });

    it('connects to what it can reach', async () => {
      const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const stream = await host().connect({ host: '127.0.0.1', port });
      const chunks: unknown[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      expect(chunks.join('')).to.equal('hello');
      server.close();
      await once(server, 'close');
      expect(await rejection(host().connect({ host: '127.0.0.1', port }))).to.be.instanceOf(UnreachableError);
    });

    it('tells what it costs, ever more', async () => {
      const before = await host().overhead();
      await host().exec(['true']);
      expect(await host().overhead()).to.be.greaterThan(before);
    });
  });
});
