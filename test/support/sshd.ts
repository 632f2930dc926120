import { execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { HostSpec } from '../../lib/host/spec.js';
import { begin } from './begin.js';
import { eventually } from './eventually.js';

const run = promisify(execFile);

export interface SshdOptions {
  /** Further lines of sshd_config, such as `MaxSessions 2`. */
  readonly config?: readonly string[];
  /** Types of host keys. Default: ed25519. */
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  /** A command that starts it, such as one that gives it other users. */
  readonly prefix?: readonly string[];
  /** Users have their own homes. Default: false. */
  readonly homes?: boolean;
}

/** A real sshd of our own on a free port of 127.0.0.1, with its own keys. */
export interface Sshd extends AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  /** Private key that may log in. */
  readonly identity: string;
  /** File that has its host keys. */
  readonly knownHosts: string;
  /** How a suite reaches it. */
  spec(changes?: Partial<HostSpec>): HostSpec;
  /** Kills the processes that serve its connections, as if the network were gone; gives their number. */
  cut(): Promise<number>;
  /** Number of its connections. */
  connections(): Promise<number>;
  log(): Promise<string>;
}

/** A port of 127.0.0.1 that nobody listens on. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

export const makeKey = async (file: string, type = 'ed25519', passphrase = ''): Promise<string> => {
  await run('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', file]);
  return (await readFile(`${file}.pub`, 'utf8')).trim();
};

const childrenOf = async (pid: number): Promise<readonly number[]> => {
  const text = await readFile(`/proc/${String(pid)}/task/${String(pid)}/children`, 'utf8').catch(() => '');
  return text.trim().split(' ').filter(Boolean).map(Number);
};

const answers = async (port: number): Promise<boolean> => {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'data');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
};

const listening = async (child: ChildProcess, port: number, log: () => Promise<string>): Promise<void> => {
  await eventually('an answer of sshd', async () => child.exitCode !== null || (await answers(port)));
  if (child.exitCode !== null) throw new Error(`sshd does not answer: ${await log()}`);
};

export const startSshd = async (options: SshdOptions = {}): Promise<Sshd> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-sshd-'));
  const port = await freePort();
  const hostKeys = options.hostKeys ?? ['ed25519'];
  const keys = await Promise.all(hostKeys.map((type) => makeKey(join(directory, `host_${type}`), type)));
  const user = await makeKey(join(directory, 'user'));
  const known = keys.map((key) => `[127.0.0.1]:${String(port)} ${key}\n`).join('');
  await writeFile(join(directory, 'known_hosts'), known);
  await writeFile(join(directory, 'authorized_keys'), `${user}\n`, { mode: 0o600 });
  const config = [
    // Of a keyword that stands twice sshd takes the first.
    ...(options.config ?? []),
    `Port ${String(port)}`,
    'ListenAddress 127.0.0.1',
    ...hostKeys.map((type) => `HostKey ${join(directory, `host_${type}`)}`),
    `AuthorizedKeysFile ${join(directory, 'authorized_keys')}`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'LogLevel VERBOSE',
    // bash reads ~/.bashrc for each command that sshd starts: the tests should not depend on it, nor wait for it.
    // And what they start is known as theirs.
    `SetEnv ${options.homes === true ? '' : `HOME=${directory} `}KVM4NFV_TESTS=${process.env['KVM4NFV_TESTS'] ?? ''}`,
  ];
  await writeFile(join(directory, 'sshd_config'), `${config.join('\n')}\n`);
  // Debian's sshd wants its empty directory even where no service has made it.
  if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  const logFile = join(directory, 'log');
  const argv = ['/usr/sbin/sshd', '-D', '-f', join(directory, 'sshd_config'), '-E', logFile];
  const [command = '', ...words] = [...(options.prefix ?? []), ...argv];
  const child = begin(command, words, { stdio: 'ignore' });
  const pid = child.pid ?? 0;
  const log = (): Promise<string> => readFile(logFile, 'utf8').catch(() => '');
  const exited = once(child, 'exit');
  const killChildren = async (): Promise<number> => {
    const children = await childrenOf(pid);
    for (const each of children) process.kill(each, 'SIGKILL');
    return children.length;
  };
  await listening(child, port, log);
  return {
    port,
    directory,
    identity: join(directory, 'user'),
    knownHosts: join(directory, 'known_hosts'),
    spec: (changes = {}) => ({
      address: '127.0.0.1',
      port,
      user: userInfo().username,
      identity: join(directory, 'user'),
      agent: false,
      known_hosts: join(directory, 'known_hosts'),
      host_key: 'strict',
      ...changes,
    }),
    cut: killChildren,
    connections: async () => (await childrenOf(pid)).length,
    log,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
};
