import { execFile, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex, type Readable, type Writable } from 'node:stream';
import { promisify } from 'node:util';
import { messageOf } from '../../error.js';
import { aborted, newMark } from '../command.js';
import type { Endpoint } from '../host.js';
import { inheritedEnvironment } from '../local-environment.js';
import { Output } from '../output.js';
import { assertLocalTrusted } from '../trust.js';
import { SshError } from './error.js';
import { masterArgs, sharingArgs, type MasterOptions } from './openssh-args.js';
import { openSshError } from './openssh-error.js';
import { openRelay, type Relay } from './relay.js';
import type { Connection, SshSession } from './session.js';

export interface OpenSshDial extends Pick<MasterOptions, 'spec' | 'target' | 'configFile' | 'deadline'> {
  readonly where: string;
  readonly signal: AbortSignal | undefined;
  /** A byte stream to the host, in the place of what ssh_config says. */
  readonly stream?: (signal: AbortSignal) => Promise<Duplex>;
}

const kept = 16 * 1024;
const farewell = 3000;
const slack = 3000;
/** An endpoint that can't be reached shows only in the end of the `ssh` that was to lead there. */
const settled = 1000;

type Piped = ChildProcessByStdio<Writable, Readable, Readable>;

const environment = (): NodeJS.ProcessEnv => ({ ...inheritedEnvironment(), LC_ALL: 'C' });

/** Answers ssh when it asks for the passphrase of a key. */
const askpass = async (directory: string): Promise<NodeJS.ProcessEnv> => {
  const passphrase = process.env['KVM4NFV_PASSPHRASE'];
  if (passphrase === undefined) return {};
  const file = path.join(directory, 'askpass');
  await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "$KVM4NFV_PASSPHRASE"\n`, { mode: 0o700 });
  return { KVM4NFV_PASSPHRASE: passphrase, SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: 'force' };
};

const hangUp = (child: ChildProcess, signal: NodeJS.Signals): void => {
  // What it started itself, such as a ProxyCommand, ends with it.
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  } catch {
    child.kill(signal);
  }
};

/** A connection that the `ssh` of this machine holds; each session is an `ssh` that shares it. */
export class OpenSshConnection implements Connection {
  readonly tellsExit = false;
  readonly #where: string;
  readonly #directory: string;
  readonly #master: ChildProcess;
  readonly #gone: Promise<unknown>;
  readonly #relay: Relay | undefined;
  #lost: SshError | undefined;
  #sockets = 0;

  private constructor(where: string, directory: string, master: ChildProcess, said: Output, relay: Relay | undefined) {
    this.#where = where;
    this.#directory = directory;
    this.#master = master;
    this.#relay = relay;
    this.#gone = once(master, 'close');
    void this.#gone.then(() => {
      const words = said.finish().text.trim();
      this.#lost ??= new SshError(where, 'connection', `lost${words === '' ? '' : `: ${words}`}`);
    });
  }

  get lost(): SshError | undefined {
    return this.#lost;
  }

  get #control(): string {
    return path.join(this.#directory, 'control');
  }

  /** Connects and authenticates; {@link SshError} tells how far it got. */
  static async open(dial: OpenSshDial): Promise<OpenSshConnection> {
    const { where, deadline } = dial;
    // ssh keeps the deadline itself, and says how far it got.
    const late = AbortSignal.timeout(deadline + slack);
    const signal = dial.signal === undefined ? late : AbortSignal.any([late, dial.signal]);
    await assertLocalTrusted(tmpdir());
    const directory = await mkdtemp(path.join(tmpdir(), 'kvm4nfv-ssh-'));
    let relay: Relay | undefined;
    try {
      if (dial.stream !== undefined) relay = await openRelay(path.join(directory, 'relay'), dial.stream, signal);
      return await OpenSshConnection.#begin(dial, directory, relay, signal);
    } catch (error) {
      await relay?.close();
      await rm(directory, { recursive: true, force: true });
      if (dial.signal?.aborted === true) throw aborted(`${where}: connecting`, dial.signal);
      if (late.aborted)
        throw new SshError(where, 'connect', `no answer within ${String(deadline / 1000)} s`, { late: true });
      throw relay?.failure() ?? error;
    }
  }

  static async #begin(
    dial: OpenSshDial,
    directory: string,
    relay: Relay | undefined,
    signal: AbortSignal,
  ): Promise<OpenSshConnection> {
    const { where } = dial;
    const ready = newMark();
    const env = await askpass(directory);
    const args = masterArgs({
      ...dial,
      ready,
      control: path.join(directory, 'control'),
      proxyCommand: relay?.command,
      passphrase: Object.keys(env).length > 0,
    });
    // Its own session, so that Ctrl-C at our terminal does not reach it.
    const child = spawn('ssh', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...environment(), ...env },
      detached: true,
    });
    const said = new Output(kept);
    child.stderr.on('data', (chunk: Buffer) => {
      said.add(chunk);
    });
    const connection = new OpenSshConnection(where, directory, child, said, relay);
    const stop = (): void => {
      hangUp(child, 'SIGTERM');
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await new Promise<void>((resolve, reject) => {
        let text = '';
        child.once('error', (error) =>
          reject(new SshError(where, 'connect', `ssh can't be started: ${messageOf(error)}`)),
        );
        child.once('close', (code) => reject(openSshError(where, said.finish().text, code)));
        child.stdout.on('data', (chunk: Buffer) => {
          text = (text + chunk.toString()).slice(-kept);
          if (text.includes(ready)) resolve();
        });
      });
      return connection;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #spawn(args: readonly string[]): Piped {
    return spawn('ssh', [...sharingArgs(this.#control), ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment(),
      detached: true,
    });
  }

  exec(line: string): Promise<SshSession> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const child = this.#spawn(['-T', '--', 'shared', line]);
    const ended = new Promise<Awaited<SshSession['ended']>>((resolve, reject) => {
      child.once('error', (error) => reject(new SshError(this.#where, 'channel', messageOf(error))));
      child.once('close', (code) => {
        if (code === null)
          reject(this.#lost ?? new SshError(this.#where, 'connection', 'lost before the command ended'));
        else resolve({ exitCode: code, signal: undefined });
      });
    });
    ended.catch(() => undefined);
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
    return Promise.resolve({
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      ended,
      hangUp: () => {
        hangUp(child, 'SIGTERM');
      },
    });
  }

  async forward(endpoint: Endpoint): Promise<Duplex> {
    if (this.#lost !== undefined) throw this.#lost;
    return 'path' in endpoint ? this.#forwardSocket(endpoint.path) : this.#forwardPort(endpoint.host, endpoint.port);
  }

  async #forwardPort(host: string, port: number): Promise<Duplex> {
    const child = this.#spawn(['-W', `${host.includes(':') ? `[${host}]` : host}:${String(port)}`, '--', 'shared']);
    const said = new Output(kept);
    child.stderr.on('data', (chunk: Buffer) => {
      said.add(chunk);
    });
    const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
    stream.on('error', () => undefined);
    stream.once('close', () => {
      hangUp(child, 'SIGTERM');
    });
    return this.#settled(stream, () => said.finish().text.trim());
  }

  /** A stream that has not ended at once. */
  #settled<S extends Duplex>(stream: S, said: () => string): Promise<S> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, settled, stream);
      const end = (): void => {
        clearTimeout(timer);
        const words = said();
        reject(new SshError(this.#where, 'channel', words === '' ? 'no way to there' : words, { refused: true }));
      };
      stream.once('end', end).once('close', end);
      stream.once('readable', () => {
        if (stream.readableLength === 0) return;
        clearTimeout(timer);
        resolve(stream);
      });
    });
  }

  async #forwardSocket(remote: string): Promise<Duplex> {
    this.#sockets += 1;
    const local = path.join(this.#directory, `s${String(this.#sockets)}`);
    const forward = (verb: string): Promise<unknown> =>
      promisify(execFile)('ssh', [...sharingArgs(this.#control), '-O', verb, '-L', `${local}:${remote}`, 'shared'], {
        env: environment(),
        timeout: farewell,
      });
    await forward('forward').catch((error: unknown) => {
      throw new SshError(this.#where, 'channel', messageOf(error), { refused: true });
    });
    const stream = connect({ path: local });
    stream.once('close', () => {
      void forward('cancel').catch(() => undefined);
    });
    await once(stream, 'connect');
    return this.#settled(stream, () => '');
  }

  /** Says goodbye, and ends it where nobody answers. */
  async close(): Promise<void> {
    this.#lost ??= new SshError(this.#where, 'connection', 'closed');
    hangUp(this.#master, 'SIGTERM');
    const timer = setTimeout(() => {
      hangUp(this.#master, 'SIGKILL');
    }, farewell);
    await this.#gone;
    clearTimeout(timer);
    await this.#relay?.close();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
