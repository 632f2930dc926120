import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { downloadFiles, readFiles } from '../../lib/host/files.js';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import { removeRun } from '../../lib/host/runs.js';
import { openSshHost } from '../../lib/host/ssh/open.js';
import { begin } from '../support/begin.js';
import { makeKey } from '../support/sshd.js';
import { newRun } from './transports.js';

const limit = 1_000_000;
/** Milliseconds until we want none of it any more. */
const patience = 1000;
/** Milliseconds until a call must have ended then, on a machine that is busy with 25 such hosts. */
const deadline = 90_000;

interface Lab extends AsyncDisposable {
  readonly directory: string;
  open(user: string): Promise<Host>;
}

const openLab = async (): Promise<Lab> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-hostile-'));
  const key = await makeKey(join(directory, 'host'), 'ed25519');
  const identity = join(directory, 'user');
  await makeKey(identity);
  const server = begin(
    process.execPath,
    ['--import', 'tsx', join(import.meta.dirname, 'hostile-sshd.ts'), join(directory, 'host')],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [port] = (await once(server.stdout, 'data')) as [Buffer];
  const knownHosts = join(directory, 'known_hosts');
  await writeFile(knownHosts, `[127.0.0.1]:${port.toString().trim()} ${key}\n`);
  await writeFile(join(directory, 'there'), 'x'.repeat(10_000));
  return {
    directory,
    open: (user) =>
      openSshHost('sut', {
        address: '127.0.0.1',
        port: Number(port.toString()),
        user,
        identity,
        agent: false,
        known_hosts: knownHosts,
        host_key: 'strict',
        transport: 'ssh2',
      }),
    [Symbol.asyncDispose]: async () => {
      const ended = once(server, 'exit');
      server.kill('SIGKILL');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
};

type Call = (host: Host, lab: Lab, id: string) => Promise<number>;

/** What is asked of it; each gives how many bytes were taken. */
const calls: readonly Call[] = [
  async (host) => (await host.exec(['echo', '1 2 3'], { timeout: patience, maxOutput: limit })).stdout.length - 100,
  async (host, { directory }) =>
    (await host.read(join(directory, 'there'), { signal: AbortSignal.timeout(patience), limit })).length,
  async (host, { directory }, id) => {
    const signal = AbortSignal.timeout(patience);
    await host.download(join(directory, 'there'), join(directory, id), { signal, limit });
    return (await stat(join(directory, id))).size;
  },
  async (host, { directory }, id) => {
    const [a, b] = [join(directory, `${id}a`), join(directory, `${id}b`)];
    const signal = AbortSignal.timeout(patience);
    const files = [a, b].map((local) => [join(directory, 'there'), local] as const);
    const fetched = await downloadFiles(host, files, { signal, limit: 5000, cut: true });
    for (const { taken } of fetched) expect(taken).to.be.at.most(5000);
    return Math.max((await stat(a)).size, (await stat(b)).size);
  },
  async (host, { directory }) => {
    const signal = AbortSignal.timeout(patience);
    const texts = await readFiles(host, [join(directory, 'there'), '/proc/version', '/nowhere'], { signal });
    return [...texts.values()].join('').length;
  },
];

describe('a hostile machine', function () {
  this.timeout(600_000);

  it('gets every call to its end in a thousand random answers, and no more memory or disk than may be', async () => {
    await using lab = await openLab();
    const before = process.memoryUsage().rss;
    let highest = before;
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 50);
    let settled = 0;
    let failed = 0;
    const wrong: string[] = [];
    const one = async (host: Host, seed: number, number: number): Promise<void> => {
      const call = calls[number % calls.length];
      if (call === undefined) return;
      const id = `got-${String(seed)}-${String(number)}`;
      const began = performance.now();
      try {
        const taken = await call(host, lab, id);
        if (taken > limit) wrong.push(`${id}: ${String(taken)} bytes`);
      } catch (error) {
        failed += 1;
        if (!Kvm4nfvError.is(error) || error.fault === 'internal') wrong.push(`${id}: ${String(error)}`);
        else if (error.message.length > 20_000) wrong.push(`${id}: a message of ${String(error.message.length)}`);
      }
      const took = performance.now() - began;
      if (took > deadline) wrong.push(`${id}: ${String(Math.round(took))} ms`);
      settled += 1;
    };
    const host = async (seed: number): Promise<void> => {
      await using opened = await lab.open(String(seed));
      for (let number = 0; number < 40; number += 1) await one(opened, seed, number);
    };
    try {
      await Promise.all(Array.from({ length: 25 }, (_, seed) => host(seed + 1)));
    } finally {
      clearInterval(watch);
    }
    expect(wrong).to.deep.equal([]);
    expect(settled).to.equal(1000);
    // Some are honest, and most are not.
    expect(failed).to.be.greaterThan(200).and.lessThan(900);
    expect((highest - before) / 2 ** 20).to.be.lessThan(300);
    const names = await readdir(lab.directory);
    expect(names.filter((name) => name.endsWith('.part'))).to.deep.equal([]);
  });

  it('is told where it is honest', async () => {
    await using lab = await openLab();
    await using host = await lab.open('1+honest');
    for (const [number, call] of calls.entries())
      expect(await call(host, lab, `h${String(number)}`)).to.be.lessThan(limit);
    const run = newRun();
    await using local = localHost();
    const job = await host.start({ run, name: 'true', argv: ['true'] });
    expect((await job.wait({ timeout: 30_000 })).exitCode).to.equal(0);
    await removeRun(local, run);
  });
});
