import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { openHost } from '../../lib/host/open.js';
import { openSshHost, SshError, type SshStage } from '../../lib/host/ssh/open.js';
import { freePort, makeKey, startSshd, type Sshd } from '../support/sshd.js';
import { processesWith } from '../support/processes.js';
import { newRun, rejection } from './transports.js';
import { eventually } from '../support/eventually.js';

const expectStage = (error: unknown, stage: SshStage, ...words: readonly string[]): void => {
  // By name: `openHost` imports the transport when it is needed, and the loader of the tests makes a second copy of it.
  expect(error).to.include({ name: 'SshError', fault: 'unreachable', stage });
  for (const word of ['127.0.0.1', ...words]) expect(error).to.have.property('message').that.includes(word);
  expect(error).to.have.property('hint').that.is.a('string');
};

/** A server that does `serve` to each connection. */
const listenWith = async (serve: (socket: Socket) => void): Promise<{ server: Server; port: number }> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
};

/** What earlier tests closed takes sshd a moment. */
const noConnections = async (sshd: Sshd): Promise<void> => {
  await eventually('the end of all connections', async () => (await sshd.connections()) === 0);
};

describe('An SSH host', () => {
  let directory = '';
  let sshd: Sshd;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-ssh-'));
    sshd = await startSshd({ hostKeys: ['ed25519', 'ecdsa', 'rsa'] });
  });
  after(async () => {
    await sshd[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  describe('that can not be reached', () => {
    it('says so when nobody listens', async () => {
      const port = await freePort();
      const error = await rejection(openSshHost('node1', { ...sshd.spec(), port }));
      expectStage(error, 'connect', 'node1', `:${String(port)}`, 'ECONNREFUSED');
      expect(error).to.have.property('fault', 'unreachable');
    });

    it('says so when its name is not known', async () => {
      const error = await rejection(openSshHost('node1', sshd.spec({ address: 'nowhere.invalid' })));
      expect(error).to.be.instanceOf(SshError).with.property('stage', 'resolve');
    });

    it('says so when it hangs in the banner', async () => {
      const sockets: Socket[] = [];
      const { server, port } = await listenWith((socket) => sockets.push(socket));
      const started = Date.now();
      const error = await rejection(openSshHost('node1', sshd.spec({ port }), { deadline: 300 }));
      expectStage(error, 'banner', 'no answer within 0.3 s');
      expect(Date.now() - started).to.be.lessThan(10_000);
      for (const socket of sockets) socket.destroy();
      server.close();
    });

    it('says so when it hangs behind the banner, or talks something else', async () => {
      const { server, port } = await listenWith((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
      expectStage(
        await rejection(openSshHost('node1', sshd.spec({ port }), { deadline: 500 })),
        'key exchange',
        'no answer',
      );
      server.close();
      const other = await listenWith((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      expect(await rejection(openSshHost('node1', sshd.spec({ port: other.port })))).to.be.instanceOf(SshError);
      other.server.close();
    });

    it('is given up at once when its signal is aborted', async () => {
      const { server, port } = await listenWith(() => undefined);
      const error = await rejection(openSshHost('node1', sshd.spec({ port }), { signal: AbortSignal.timeout(100) }));
      expect(error).to.be.instanceOf(Kvm4nfvError).with.property('fault', 'interrupted');
      server.close();
    });

    it('says so when its key is not known, and when it has changed', async () => {
      const unknown = join(directory, 'empty');
      await writeFile(unknown, '');
      expectStage(
        await rejection(openSshHost('node1', sshd.spec({ known_hosts: unknown }))),
        'host key',
        'not known',
        'SHA256:',
      );
      const wrong = join(directory, 'wrong');
      const key = await makeKey(join(directory, 'other'));
      await writeFile(wrong, `[127.0.0.1]:${String(sshd.port)} ${key}\n`);
      for (const host_key of ['strict', 'accept-new'] as const) {
        const error = await rejection(openSshHost('node1', sshd.spec({ known_hosts: wrong, host_key })));
        expectStage(error, 'host key', 'CHANGED');
        expect(error)
          .to.have.property('message')
          .that.matches(/SHA256:\S+.*SHA256:\S+/);
      }
    });

    it('says so when it refuses our key, or the key can not be used', async () => {
      await makeKey(join(directory, 'stranger'));
      expectStage(
        await rejection(openSshHost('node1', sshd.spec({ identity: join(directory, 'stranger') }))),
        'authentication',
      );
      expectStage(
        await rejection(openSshHost('node1', sshd.spec({ identity: join(directory, 'absent') }))),
        'authentication',
        'absent',
      );
      await makeKey(join(directory, 'locked'), 'ed25519', 'a passphrase');
      const error = await rejection(openSshHost('node1', sshd.spec({ identity: join(directory, 'locked') })));
      expectStage(error, 'authentication', 'locked');
      expect(error).to.have.property('hint').that.includes('KVM4NFV_PASSPHRASE');
    });
  });

  it('is opened with an encrypted key whose passphrase the environment has', async () => {
    const identity = join(directory, 'encrypted');
    await appendFile(join(sshd.directory, 'authorized_keys'), `${await makeKey(identity, 'ed25519', 'open sesame')}\n`);
    process.env['KVM4NFV_PASSPHRASE'] = 'open sesame';
    try {
      await using host = await openSshHost('node1', sshd.spec({ identity }));
      expect((await host.exec(['sh', '-c', 'echo "[$KVM4NFV_PASSPHRASE]"'])).stdout).to.equal('[]\n');
    } finally {
      delete process.env['KVM4NFV_PASSPHRASE'];
    }
  });

  it('is asked for the type of key that is known of it, whichever that is', async () => {
    for (const known of (await readFile(sshd.knownHosts, 'utf8')).trim().split('\n')) {
      const file = join(directory, 'one-key');
      await writeFile(file, `${known}\n`);
      await using host = await openSshHost('node1', sshd.spec({ known_hosts: file }));
      expect((await host.exec(['echo', 'in'])).stdout).to.equal('in\n');
    }
  });

  it('has its new key added once when many connections meet it at once', async () => {
    const known_hosts = join(directory, 'fresh', 'known_hosts');
    const specs = new Map([['node1', sshd.spec({ known_hosts, host_key: 'accept-new' })]]);
    const hosts = await Promise.all(Array.from({ length: 4 }, () => openHost('node1', specs)));
    for (const host of hosts) await host[Symbol.asyncDispose]();
    expect((await readFile(known_hosts, 'utf8')).trim().split('\n')).to.have.length(1);
    await using again = await openSshHost('node1', sshd.spec({ known_hosts }));
    expect(again.transport).to.equal('ssh');
  });

  it('takes from ssh_config what the suite leaves out, and goes through its ProxyJump', async () => {
    const config = join(directory, 'ssh_config');
    const common = `  HostName 127.0.0.1\n  Port ${String(sshd.port)}\n  User root\n  IdentityFile ${sshd.identity}\n  UserKnownHostsFile ${sshd.knownHosts}\n`;
    await writeFile(join(directory, 'included'), `Host gate\n${common}`);
    await writeFile(
      config,
      `Include ${join(directory, 'included')}\nHost alias\n${common}  ProxyJump gate\nHost wrong\n  Port 1\n  ProxyCommand nc %h %p\n`,
    );
    await noConnections(sshd);
    await using host = await openSshHost(
      'node1',
      { address: 'alias', host_key: 'strict', agent: false },
      { configFile: config },
    );
    expect((await host.exec(['echo', 'in'])).stdout).to.equal('in\n');
    expect(await sshd.connections()).to.equal(2);
    expect(await rejection(openSshHost('node1', { address: 'wrong', host_key: 'strict' }, { configFile: config })))
      .to.have.property('message')
      .that.includes('ProxyCommand');
    await using own = await openSshHost('node1', sshd.spec({ address: '127.0.0.1' }), { configFile: config });
    expect(own.transport).to.equal('ssh');
  });

  it('is reached through jump hosts of the suite, in any depth but no circle', async () => {
    const hosts = new Map([
      ['far', sshd.spec({ jump: 'middle' })],
      ['middle', sshd.spec({ jump: 'gate' })],
      ['gate', sshd.spec()],
      ['hen', sshd.spec({ jump: 'egg' })],
      ['egg', sshd.spec({ jump: 'hen' })],
      ['lost', sshd.spec({ jump: 'nobody' })],
      ['closed', sshd.spec({ jump: 'gate', port: await freePort() })],
    ]);
    await noConnections(sshd);
    await using far = await openHost('far', hosts);
    expect((await far.exec(['echo', 'far'])).stdout).to.equal('far\n');
    expect(await sshd.connections()).to.equal(3);
    expect(await rejection(openHost('hen', hosts)))
      .to.have.property('message')
      .that.includes('hen -> egg -> hen');
    expect(await rejection(openHost('lost', hosts)))
      .to.have.property('message')
      .that.includes("no host 'nobody'");
    expectStage(await rejection(openHost('closed', hosts)), 'connect', 'closed', 'through gate');
    await using via = await openSshHost('guest', sshd.spec(), {
      via: far,
      privateKey: await readFile(sshd.identity, 'utf8'),
    });
    expect((await via.exec(['echo', 'guest'])).stdout).to.equal('guest\n');
  });

  it('runs any number of commands and waits at once within MaxSessions', async () => {
    await using narrow = await startSshd({ config: ['MaxSessions 10'] });
    await using host = await openSshHost('node1', narrow.spec());
    const results = await Promise.all(Array.from({ length: 40 }, (_, index) => host.exec(['echo', String(index)])));
    expect(results.map(({ stdout }) => Number(stdout))).to.deep.equal(Array.from({ length: 40 }, (_, index) => index));
    expect(await narrow.connections()).to.equal(1);
    const run = newRun();
    const jobs = await Promise.all(
      Array.from({ length: 14 }, (_, index) => host.start({ run, name: `j${String(index)}`, argv: ['sleep', '73'] })),
    );
    const waits = jobs.map((job) => job.wait());
    expect((await host.exec(['echo', 'free'])).stdout).to.equal('free\n');
    await Promise.all(jobs.map((job) => job.cancel()));
    for (const result of await Promise.all(waits)) expect(result).to.include({ signal: 'SIGTERM' });
    expect(await narrow.connections()).to.equal(3);
    for (const job of jobs) await job[Symbol.asyncDispose]();
    expect(processesWith('sleep', '73')).to.deep.equal([]);
  });

  it('tries again what sshd refuses for want of sessions', async () => {
    await using narrow = await startSshd({ config: ['MaxSessions 1'] });
    await using host = await openSshHost('node1', narrow.spec());
    const results = await Promise.all([1, 2, 3].map((index) => host.exec(['echo', String(index)])));
    expect(results.map(({ stdout }) => stdout.trim())).to.deep.equal(['1', '2', '3']);
  });

  it('leaves no connection when it is closed, and can not be used any more', async () => {
    await using own = await startSshd();
    const host = await openSshHost('node1', own.spec());
    await host[Symbol.asyncDispose]();
    await noConnections(own);
    expect(await rejection(host.exec(['true'])))
      .to.have.property('message')
      .that.includes('closed');
  });
});
