import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { expect } from 'chai';
import type { Host } from '../../lib/host/host.js';
import { openHost } from '../../lib/host/open.js';
import { SshConnection, type Dial } from '../../lib/host/ssh/connection.js';
import { SshHost } from '../../lib/host/ssh/host.js';
import { processesWith } from '../support/processes.js';
import { rejection } from '../support/rejection.js';
import { startRelay, type Relay } from '../support/relay.js';
import { startSshd, type Sshd } from '../support/sshd.js';
import { eventually } from '../support/eventually.js';

/** A host whose connection neither answers nor ends: what waits for it must not wait for ever. */
describe('A half-open SSH connection', () => {
  let sshd: Sshd;
  let relay: Relay;
  before(async () => {
    sshd = await startSshd();
    relay = await startRelay(sshd.port);
  });
  after(async () => {
    await relay[Symbol.asyncDispose]();
    await sshd[Symbol.asyncDispose]();
  });

  const openWith = async (changes: Pick<Dial, 'channelDeadline' | 'keepalive'>): Promise<Host> => {
    const where = `node1 (127.0.0.1:${String(relay.port)})`;
    const user = userInfo().username;
    const key = await readFile(sshd.identity);
    const dial = (): Promise<SshConnection> =>
      SshConnection.open({
        where,
        address: '127.0.0.1',
        port: relay.port,
        user,
        methods: [{ type: 'publickey', username: user, key }],
        hostKeys: {
          where,
          host: '127.0.0.1',
          port: sshd.port,
          files: [sshd.knownHosts],
          mode: 'strict',
          hashed: false,
        },
        deadline: 20_000,
        ...changes,
      });
    return new SshHost({ name: 'node1', where, user, dial, owned: [], loginDeadline: 20_000 }, await dial());
  };

  const expectLost = (error: unknown, stage: string, what: string): void => {
    expect(error).to.include({ name: 'SshError', fault: 'unreachable', stage });
    expect(error).to.have.property('message', `node1 (127.0.0.1:${String(relay.port)}): ${stage}: ${what}`);
  };

  it('ends where the opening of a channel is not answered in time, and the next command has a new one', async () => {
    await using host = await openWith({ channelDeadline: 300 });
    expect((await host.exec(['echo', 'in'])).stdout).to.equal('in\n');
    relay.stall();
    expectLost(await rejection(host.exec(['echo', 'out'])), 'channel', 'no answer within 0.3 s');
    expect((await host.exec(['echo', 'again'])).stdout).to.equal('again\n');
  });

  it('ends under a command that waits, where keepalives are not answered', async () => {
    const mark = `75${String(process.pid)}`;
    await using host = await openWith({ keepalive: 400 });
    try {
      // Without keepalives it would be the time of the command that ends it, and that is another error.
      const waiting = rejection(host.exec(['sleep', mark], { timeout: 20_000 }));
      await eventually('the command to run', () => processesWith('sleep', mark).length > 0);
      relay.stall();
      expectLost(await waiting, 'connection', 'lost: Keepalive timeout');
      expect((await host.exec(['echo', 'again'])).stdout).to.equal('again\n');
    } finally {
      for (const pid of processesWith('sleep', mark)) process.kill(pid);
    }
  });

  it('ends at once where the far end behind a jump host hangs up in the middle of the handshake', async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined).end('SSH-2.0-Gone\r\n');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const hosts = new Map([
      ['far', sshd.spec({ jump: 'gate', port })],
      ['gate', sshd.spec()],
    ]);
    try {
      // The deadline is the only other way out.
      expect(await rejection(openHost('far', hosts)))
        .to.have.property('message')
        .that.does.not.include('no answer within');
    } finally {
      server.close();
    }
  });
});
