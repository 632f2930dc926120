import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { openSshHost } from '../../lib/host/ssh/open.js';
import type { HostSpec } from '../../lib/host/spec.js';
import { rejection } from '../support/rejection.js';
import { startSshd, type Sshd } from '../support/sshd.js';

/** Runs `body` while a real agent that holds one key listens at `socket`. */
const withAgent = async (socket: string, identity: string, body: () => Promise<void>): Promise<void> => {
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(agent, 'exit');
  try {
    // It says where it listens as soon as it does.
    await Promise.race([once(agent.stdout, 'data'), exited]);
    await promisify(execFile)('ssh-add', ['-q', identity], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
    await body();
  } finally {
    agent.kill('SIGTERM');
    await exited;
  }
};

/** Where the environment says that the agent is. */
const setAgent = (socket: string | undefined): void => {
  if (socket === undefined) delete process.env['SSH_AUTH_SOCK'];
  else process.env['SSH_AUTH_SOCK'] = socket;
};

describe('An SSH host without an identity', () => {
  const usual = process.env['SSH_AUTH_SOCK'];
  let directory = '';
  let socket = '';
  let sshd: Sshd;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-agent-'));
    socket = join(directory, 'agent');
    sshd = await startSshd();
  });
  afterEach(() => {
    setAgent(usual);
  });
  after(async () => {
    await sshd[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  interface Way {
    readonly spec?: Partial<HostSpec>;
    /** Lines of ssh_config. */
    readonly config?: string;
  }

  const run = async ({ spec = {}, config = '' }: Way): Promise<string> => {
    const configFile = join(await mkdtemp(join(directory, 'config-')), 'ssh_config');
    await writeFile(configFile, `Host *\n${config}`);
    const { address = '', port = 0, user = '', known_hosts = '', host_key } = sshd.spec();
    await using host = await openSshHost(
      'node1',
      { address, port, user, known_hosts, host_key, ...spec },
      { configFile },
    );
    return (await host.exec(['echo', 'in'])).stdout;
  };

  const expectRefused = async (way: Way, ...words: readonly string[]): Promise<void> => {
    const error = await rejection(run(way));
    expect(error).to.include({ name: 'SshError', fault: 'unreachable', stage: 'authentication' });
    for (const word of words) expect(error).to.have.property('message').that.includes(word);
  };

  it('is opened with the key that the agent holds, and refused without it', () =>
    withAgent(socket, sshd.identity, async () => {
      setAgent(socket);
      expect(await run({})).to.equal('in\n');
      await expectRefused({ spec: { agent: false } });
      await expectRefused({ config: 'IdentityAgent none\n' });
      setAgent(undefined);
      await expectRefused({});
    }));

  it('is opened with the agent that ssh_config names', () =>
    withAgent(socket, sshd.identity, async () => {
      setAgent(undefined);
      expect(await run({ config: `IdentityAgent ${socket}\n` })).to.equal('in\n');
    }));

  it('is opened with a key file of ssh_config where the agent is gone, which is said where no key is taken', async () => {
    setAgent(join(directory, 'gone'));
    expect(await run({ config: `IdentityFile ${sshd.identity}\n` })).to.equal('in\n');
    await expectRefused({}, 'the agent: ');
  });
});
