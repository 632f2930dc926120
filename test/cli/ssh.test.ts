import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Result } from '../../lib/run/result.js';
import { freePort, makeKey, startSshd, type Sshd } from '../support/sshd.js';
import {
  built,
  Cli,
  cli,
  inDirectory,
  leftOf,
  measuring,
  onlyResult,
  stackTrace,
  suiteOf,
  writeSuite,
  type Ended,
} from './cli.js';

const seconds = (since: number): number => (performance.now() - since) / 1000;

/** What of a result does not depend on where and when it was measured. */
const shapeOf = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== 'object' || value === null) return typeof value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shapeOf(part)]));
};

const testsOf = ({ tests }: Result): unknown => shapeOf(tests);

describe('a suite over SSH', function () {
  this.timeout(120_000);
  let sshd: Sshd;

  before(async () => {
    await built();
    sshd = await startSshd();
  });
  after(() => sshd[Symbol.asyncDispose]());

  const suite = (options: Record<string, unknown>, changes: Parameters<Sshd['spec']>[0] = {}): string =>
    suiteOf({ hosts: { node: sshd.spec(changes) }, host: 'node', options, sla: ['samples >= 100', 'max <= 1h'] });

  it('gives the same shape of result as on this machine', async () => {
    await inDirectory(async (directory) => {
      const [remote, local] = [join(directory, 'remote'), join(directory, 'local')];
      await Promise.all([mkdir(remote), mkdir(local)]);
      const there = await cli(['run', await writeSuite(remote, suite({ cpus: '0', threads: 2 }))], { cwd: remote });
      expect(there.code, there.stderr + there.stdout).to.equal(0);
      const here = await cli(
        [
          'run',
          await writeSuite(
            local,
            suiteOf({ options: { cpus: '0', threads: 2 }, sla: ['samples >= 100', 'max <= 1h'] }),
          ),
        ],
        { cwd: local },
      );
      expect(here.code).to.equal(0);
      const [a, b] = [await onlyResult(remote), await onlyResult(local)];
      expect(testsOf(a)).to.deep.equal(testsOf(b));
      expect(Object.keys(a)).to.deep.equal(Object.keys(b));
      expect(Object.keys(a.environment)).to.deep.equal(['node']);
      expect(Object.keys(a.environment['node'] ?? {})).to.deep.equal(Object.keys(b.environment['local'] ?? {}));
      expect(a.tests[0]?.metrics[0]).to.include({ count: 600 });
      const files = async (place: string): Promise<string[]> =>
        (await readdir(join(place, 'results'), { recursive: true }))
          .map((name) => name.split('/').slice(1).join('/'))
          .sort();
      expect(await files(remote)).to.deep.equal(await files(local));
      expect(await leftOf(a.runId)).to.deep.equal([]);
    });
  });

  it('loses nothing when the connection is cut in the middle of a trial', async () => {
    await inDirectory(async (directory) => {
      const going = new Cli(['run', await writeSuite(directory, suite({ loops: 3000 }))], { cwd: directory });
      const { run } = await measuring(directory);
      expect(await sshd.cut()).to.be.greaterThan(0);
      const { code, stdout, stderr } = await going.ended;
      expect(code, stderr + stdout).to.equal(0);
      const result = await onlyResult(directory);
      expect(result.tests[0]?.metrics[0]).to.include({ count: 3000 });
      expect(result.problems).to.deep.equal([]);
      const raw = JSON.parse(
        await readFile(join(directory, 'results', run, 'timer/0/raw/cyclictest.json'), 'utf8'),
      ) as { thread: Record<string, { cycles: number }> };
      expect(raw.thread['0']?.cycles).to.equal(3000);
      expect(await leftOf(run)).to.deep.equal([]);
    });
  });

  describe('ends with 4 and tells why and what to do', () => {
    const refused = async (spec: object): Promise<Ended & { readonly took: number }> =>
      inDirectory(async (directory) => {
        const since = performance.now();
        const ended = await cli(
          ['run', await writeSuite(directory, suiteOf({ hosts: { node: spec }, host: 'node' }))],
          { cwd: directory },
        );
        const took = seconds(since);
        expect(ended.stdout + ended.stderr).to.not.match(stackTrace);
        expect(ended.code, ended.stdout).to.equal(4);
        const result = await onlyResult(directory);
        expect(result.tests[0]).to.include({ verdict: 'error', fault: 'unreachable' });
        expect(result.tests[0]?.trials).to.deep.equal([]);
        expect(ended.stdout).to.match(/^small: error$/m);
        return { ...ended, took };
      });

    it('where nobody listens', async () => {
      const port = await freePort();
      const { stdout } = await refused(sshd.spec({ port }));
      expect(stdout).to.match(
        new RegExp(`error +node \\(.+@127\\.0\\.0\\.1:${String(port)}\\): connect: .*ECONNREFUSED`),
      );
      expect(stdout).to.match(/^ {11}check address and port, that sshd runs there/m);
    });

    it('where the host key is another', async () => {
      await inDirectory(async (place) => {
        const other = await makeKey(join(place, 'other'));
        await writeFile(join(place, 'known_hosts'), `[127.0.0.1]:${String(sshd.port)} ${other}\n`);
        const { stdout } = await refused(sshd.spec({ known_hosts: join(place, 'known_hosts') }));
        expect(stdout).to.match(
          /host key: its key has CHANGED: known is ssh-ed25519 SHA256:.*, shown is ssh-ed25519 SHA256:/,
        );
        expect(stdout).to.contain(`ssh-keygen -R '[127.0.0.1]:${String(sshd.port)}' -f ${join(place, 'known_hosts')}`);
      });
    });

    it('where the host key is not known', async () => {
      const { stdout } = await refused(sshd.spec({ known_hosts: '/dev/null' }));
      expect(stdout)
        .to.match(/host key/)
        .and.to.match(/accept-new|ssh-keyscan/);
    });

    it('where it takes none of our keys', async () => {
      await inDirectory(async (place) => {
        await makeKey(join(place, 'key'));
        const { stdout } = await refused(sshd.spec({ identity: join(place, 'key') }));
        expect(stdout)
          .to.match(/authentication: /)
          .and.to.match(/check user, identity and agent/);
      });
    });

    it('where it hangs in the banner, within 20 s and a little', async () => {
      const sockets = new Set<{ destroy: () => void }>();
      const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { stdout, took } = await refused(sshd.spec({ port: (server.address() as AddressInfo).port }));
        expect(stdout).to.match(/banner: no answer within 20 s/);
        expect(took).to.be.within(19, 45);
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  });
});
