import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { begin } from '../../support/begin.js';
import { freePort, makeKey, startSshd, type Sshd } from '../../support/sshd.js';

const run = promisify(execFile);

/** sshd's of many kinds on loopback, keys, certificates and an agent: what the rows of the contract are made of. */
export interface ContractLab extends AsyncDisposable {
  readonly directory: string;
  /** What stands for `@name@` in the rows: files, ports and texts. */
  readonly names: ReadonlyMap<string, string>;
  /** Socket of an agent that holds eight keys that nobody knows, then `agent-key`. */
  readonly agent: string;
}

const keyOf = async (file: string): Promise<string> => (await readFile(`${file}.pub`, 'utf8')).trim();

/** A server that never answers, and one that talks something else. */
const listen = async (serve: (socket: Socket) => void): Promise<Server> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    serve(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
};

const portOf = (server: Server): string => String((server.address() as AddressInfo).port);

const startAgent = async (socket: string, keys: readonly string[]): Promise<AsyncDisposable> => {
  const agent = begin('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(agent, 'exit');
  await Promise.race([once(agent.stdout, 'data'), exited]);
  for (const key of keys) await run('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return {
    [Symbol.asyncDispose]: async () => {
      agent.kill('SIGTERM');
      await exited;
    },
  };
};

const sign = (ca: string, ...argv: readonly string[]): Promise<unknown> =>
  run('ssh-keygen', ['-q', '-s', ca, '-I', 'contract', ...argv]);

/** Certificates of users and of a host; the right ones, and some that are not. */
const certify = async (at: (name: string) => string): Promise<void> => {
  for (const name of ['user-ca', 'host-ca', 'other-ca']) await makeKey(at(name));
  for (const name of ['certified', 'expired', 'stranger-certified']) await makeKey(at(name));
  await sign(at('user-ca'), '-n', 'root', '-V', '-1h:+2h', `${at('certified')}.pub`);
  await sign(at('user-ca'), '-n', 'root', '-V', '-3h:-2h', `${at('expired')}.pub`);
  await sign(at('other-ca'), '-n', 'root', '-V', '-1h:+2h', `${at('stranger-certified')}.pub`);
  for (const [name, principal] of [
    ['host-right', '127.0.0.1'],
    ['host-wrong', 'elsewhere'],
  ] as const) {
    await makeKey(at(name));
    await sign(at('host-ca'), '-h', '-n', principal, '-V', '-1h:+2h', `${at(name)}.pub`);
  }
};

interface Kind {
  readonly name: string;
  readonly hostKeys?: readonly ('ed25519' | 'ecdsa' | 'rsa')[];
  readonly config?: readonly string[];
}

const kindsOf = (at: (name: string) => string): readonly Kind[] => [
  { name: 'plain', config: [`TrustedUserCAKeys ${at('user-ca')}.pub`] },
  { name: 'rsa', hostKeys: ['rsa'] },
  { name: 'ecdsa', hostKeys: ['ecdsa'] },
  { name: 'quantum', config: ['KexAlgorithms sntrup761x25519-sha512@openssh.com'] },
  { name: 'chacha', config: ['Ciphers chacha20-poly1305@openssh.com'] },
  { name: 'ctr', config: ['Ciphers aes256-ctr', 'MACs hmac-sha2-512-etm@openssh.com'] },
  { name: 'umac', config: ['Ciphers aes256-ctr', 'MACs umac-128-etm@openssh.com'] },
  { name: 'cbc', config: ['Ciphers aes256-cbc'] },
  { name: 'dh', config: ['KexAlgorithms diffie-hellman-group18-sha512'] },
  { name: 'few-tries', config: ['MaxAuthTries 2'] },
  { name: 'two-keys', config: ['AuthenticationMethods publickey,publickey'] },
  { name: 'one-session', config: ['MaxSessions 1'] },
  { name: 'no-session', config: ['MaxSessions 0'] },
  { name: 'rsa-only', config: ['PubkeyAcceptedAlgorithms rsa-sha2-256,rsa-sha2-512'] },
  { name: 'certified-host', config: [`HostKey ${at('host-right')}`, `HostCertificate ${at('host-right')}-cert.pub`] },
  { name: 'wrong-host', config: [`HostKey ${at('host-wrong')}`, `HostCertificate ${at('host-wrong')}-cert.pub`] },
  { name: 'nobody', config: ['DenyUsers *'] },
];

/** Files of known hosts in the forms that people have. */
const writeKnownHosts = async (at: (name: string) => string, sshds: ReadonlyMap<string, Sshd>): Promise<void> => {
  const plain = sshds.get('plain');
  if (plain === undefined) throw new Error('no plain sshd');
  const key = await keyOf(join(plain.directory, 'host_ed25519'));
  const name = `[127.0.0.1]:${String(plain.port)}`;
  const other = await keyOf(at('agent-key'));
  const texts: Readonly<Record<string, string>> = {
    'kh-empty': '',
    'kh-alias': `sut-one ${key}\n`,
    'kh-alias-port': `[sut-one]:${String(plain.port)} ${key}\n`,
    'kh-alias-other': `sut-one ${other}\n`,
    'kh-changed': `${name} ${other}\n`,
    'kh-bare': `127.0.0.1 ${key}\n`,
    'kh-bare-other': `127.0.0.1 ${other}\n`,
    'kh-wild': `*,!10.* ${key}\n`,
    'kh-wild-port': `[127.0.0.*]:* ${key}\n`,
    'kh-negated': `!${name},* ${key}\n`,
    'kh-revoked': `@revoked * ${key}\n${name} ${key}\n`,
    'kh-other-type': `${name} ${await keyOf(at('rsa-key'))}\n`,
    'kh-noise': `# comment\n\n${name} ssh-ed25519 not-base64!\n${name} ${key} a comment\n`,
    'kh-authority': `@cert-authority * ${await keyOf(at('host-ca'))}\n`,
    'kh-authority-other': `@cert-authority * ${await keyOf(at('other-ca'))}\n`,
    'kh-localhost': `[localhost]:${String(plain.port)} ${key}\n`,
  };
  for (const [file, text] of Object.entries(texts)) await writeFile(at(file), text);
  await copyFile(plain.knownHosts, at('kh-hashed'));
  await run('ssh-keygen', ['-q', '-H', '-f', at('kh-hashed')]);
  await mkdir(at('my keys'));
  await copyFile(plain.knownHosts, at('my keys/known hosts'));
  await copyFile(plain.knownHosts, at(`kh-${String(plain.port)}-root`));
  await copyFile(plain.knownHosts, at('kh-127.0.0.1'));
  await run('ssh-keygen', ['-q', '-k', '-f', at('krl'), join(plain.directory, 'host_ed25519.pub')]);
};

/** Private keys, what they may open, and the forms in which they lie around. */
const writeKeys = async (at: (name: string) => string): Promise<readonly string[]> => {
  for (const [name, type] of [
    ['user', 'ed25519'],
    ['second', 'ed25519'],
    ['rsa-key', 'rsa'],
    ['ecdsa-key', 'ecdsa'],
    ['agent-key', 'ed25519'],
    ['stranger', 'ed25519'],
  ] as const)
    await makeKey(at(name), type);
  await makeKey(at('encrypted'), 'ed25519', 'a passphrase');
  const strangers = Array.from({ length: 8 }, (_, index) => at(`many${String(index)}`));
  for (const file of strangers) await makeKey(file);
  await mkdir(at('keys of mine'));
  await copyFile(at('user'), at('keys of mine/id lab'));
  await copyFile(at('user'), at('root-key'));
  await copyFile(at('user'), at('id_127.0.0.1'));
  // Only the public half: the agent has the other.
  await copyFile(`${at('agent-key')}.pub`, at('half.pub'));
  await run('ssh-keygen', [
    '-q',
    '-p',
    '-P',
    '',
    '-N',
    'a passphrase',
    '-f',
    await copied(at('agent-key'), at('agent-locked')),
  ]);
  return strangers;
};

const copied = async (from: string, to: string): Promise<string> => {
  await copyFile(from, to);
  return to;
};

export const startContractLab = async (): Promise<ContractLab> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-contract-'));
  const at = (name: string): string => join(directory, name);
  await using stack = new AsyncDisposableStackOf();
  const strangers = await writeKeys(at);
  await certify(at);
  const names = new Map<string, string>([
    ['dir', directory],
    ['closed', String(await freePort())],
  ]);
  const sshds = new Map<string, Sshd>();
  for (const { name, hostKeys, config } of kindsOf(at)) {
    const sshd = await startSshd({
      ...(hostKeys === undefined ? {} : { hostKeys }),
      ...(config === undefined ? {} : { config }),
    });
    stack.use(sshd);
    sshds.set(name, sshd);
    names.set(name, String(sshd.port)).set(`kh-${name}`, sshd.knownHosts);
    for (const key of ['user', 'second', 'rsa-key', 'ecdsa-key', 'agent-key', 'encrypted'])
      await appendFile(join(sshd.directory, 'authorized_keys'), `${await keyOf(at(key))}\n`);
  }
  await writeKnownHosts(at, sshds);
  const silent = stack.server(await listen(() => undefined));
  const http = stack.server(await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
  names.set('silent', portOf(silent)).set('http', portOf(http));
  const agent = at('agent');
  stack.use(await startAgent(agent, [...strangers, at('agent-key')]));
  stack.use({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
  return { directory, names, agent, [Symbol.asyncDispose]: stack.take() };
};

/** Disposes in reverse order; Node 20 has no AsyncDisposableStack. */
class AsyncDisposableStackOf implements AsyncDisposable {
  #owned: AsyncDisposable[] = [];

  use(owned: AsyncDisposable): void {
    this.#owned.push(owned);
  }

  server(server: Server): Server {
    const sockets = new Set<Socket>();
    server.on('connection', (socket: Socket) => sockets.add(socket));
    this.use({
      [Symbol.asyncDispose]: async () => {
        for (const socket of sockets) socket.destroy();
        server.close();
        await once(server, 'close');
      },
    });
    return server;
  }

  take(): () => Promise<void> {
    const owned = this.#owned;
    this.#owned = [];
    return () => disposeAll(owned);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return disposeAll(this.#owned);
  }
}

const disposeAll = async (owned: readonly AsyncDisposable[]): Promise<void> => {
  for (const each of [...owned].reverse()) await each[Symbol.asyncDispose]();
};
