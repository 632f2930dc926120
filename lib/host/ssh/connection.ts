import { once } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, {
  type Algorithms,
  type AnyAuthMethod,
  type Client,
  type ClientChannel,
  type ServerHostKeyAlgorithm,
} from 'ssh2';
import { aborted } from '../command.js';
import type { Endpoint } from '../host.js';
import { ssh2Algorithms } from './beyond.js';
import { checkHostKey, knownAlgorithms, type HostKeyPolicy } from './host-keys.js';
import { SshError, type SshStage } from './error.js';
import { HandshakeTalk } from './handshake-talk.js';
import { sshSession, type Connection, type SshSession } from './session.js';
import { openSocket } from './socket.js';
import type { SshTarget } from './target.js';

export interface Dial {
  /** For messages: the host's name and address. */
  readonly where: string;
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly methods: readonly AnyAuthMethod[];
  /** Why further ways to authenticate could not be tried. */
  readonly notes?: readonly string[];
  /** Of the addresses of a name, those that are tried. Default: 0, all. */
  readonly family?: 0 | 4 | 6;
  readonly bindAddress?: string | undefined;
  /** Default: all that ssh2 offers. */
  readonly algorithms?: SshTarget['algorithms'];
  readonly hostKeys: HostKeyPolicy;
  /** A byte stream to the host, in the place of a TCP connection. */
  readonly stream?: (signal: AbortSignal) => Promise<Duplex>;
  /** Milliseconds for TCP connection, banner, key exchange and authentication together. */
  readonly deadline: number;
  /** Milliseconds for the host to answer the opening of a channel. Default: 15 s. */
  readonly channelDeadline?: number;
  /** Milliseconds between keepalives; after three without an answer the connection is lost. Default: 10 s. */
  readonly keepalive?: number;
  readonly signal?: AbortSignal | undefined;
}

const defaultChannelDeadline = 15_000;
const defaultKeepalive = 10_000;
/** What ssh2 says when the server refused, in contrast to when it vanished. */
const refusals = /Channel open failure|Unable to exec/;
/** ssh2 tells that an agent fails, and goes on with the next key or method. */
const isOfAgent = (error: Error): boolean => 'level' in error && error.level === 'agent';
/** Those of known keys first: else a host of many keys shows one that is not known. */
const byKnown = (types: readonly string[], known: readonly string[]): ServerHostKeyAlgorithm[] =>
  [
    ...types.filter((type) => known.includes(type)),
    ...types.filter((type) => !known.includes(type)),
  ] as ServerHostKeyAlgorithm[];

const algorithmsOf = async ({ algorithms, hostKeys }: Dial): Promise<Algorithms> => {
  const serverHostKey = byKnown(
    algorithms?.serverHostKey ?? ssh2Algorithms.hostkeyalgorithms,
    await knownAlgorithms(hostKeys),
  );
  const { kex = ssh2Algorithms.kexalgorithms, cipher = ssh2Algorithms.ciphers } = algorithms ?? {};
  const { hmac = ssh2Algorithms.macs } = algorithms ?? {};
  return { serverHostKey, kex: [...kex], cipher: [...cipher], hmac: [...hmac] } as Algorithms;
};

const streamTo = (dial: Dial, signal: AbortSignal): Promise<Duplex> =>
  dial.stream?.(signal) ?? openSocket({ family: 0, bindAddress: undefined, ...dial }, dial.deadline, signal);

/** One SSH connection, from its handshake to its loss. */
export class SshConnection implements Connection {
  readonly tellsExit = true;
  readonly #client: Client;
  readonly #where: string;
  readonly #channelDeadline: number;
  #lost: SshError | undefined;

  private constructor(client: Client, { where, channelDeadline = defaultChannelDeadline }: Dial) {
    this.#client = client;
    this.#where = where;
    this.#channelDeadline = channelDeadline;
    let said: Error | undefined;
    client.on('error', (error) => {
      if (!isOfAgent(error)) said = error;
    });
    client.once('close', () => {
      this.#lost ??= new SshError(where, 'connection', `lost${said === undefined ? '' : `: ${said.message}`}`, {
        cause: said,
      });
    });
  }

  /** Why the connection is gone; undefined while it lives. */
  get lost(): SshError | undefined {
    return this.#lost;
  }

  /** Connects and authenticates; {@link SshError} tells how far it got. */
  static async open(dial: Dial): Promise<SshConnection> {
    const late = AbortSignal.timeout(dial.deadline);
    const signal = dial.signal === undefined ? late : AbortSignal.any([late, dial.signal]);
    let stage: SshStage = 'connect';
    try {
      const algorithms = await algorithmsOf(dial);
      const socket = await streamTo(dial, signal);
      return await SshConnection.#handshake(dial, socket, algorithms, signal, (reached) => {
        stage = reached;
      });
    } catch (error) {
      if (dial.signal?.aborted === true) throw aborted(`${dial.where}: connecting`, dial.signal);
      if (late.aborted && !(error instanceof SshError))
        throw new SshError(dial.where, stage, `no answer within ${String(dial.deadline / 1000)} s`, {
          cause: error,
          late: true,
        });
      throw error;
    }
  }

  static async #handshake(
    dial: Dial,
    socket: Duplex,
    algorithms: Algorithms,
    signal: AbortSignal,
    reach: (stage: SshStage) => void,
  ): Promise<SshConnection> {
    const client = new ssh2.Client();
    const connection = new SshConnection(client, dial);
    let stage: SshStage = 'banner';
    const reached = (next: SshStage): void => {
      stage = next;
      reach(next);
    };
    reached('banner');
    // ssh2 does not tell when the banner has come, and a listener of ours would take bytes from it.
    const heard = (at: SshStage): SshStage =>
      at === 'banner' && socket instanceof Socket && socket.bytesRead > 0 ? 'key exchange' : at;
    let refused: unknown;
    const notes = [...(dial.notes ?? [])];
    const talk = new HandshakeTalk();
    const ready = new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        if (error instanceof SshError || !(error instanceof Error)) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        const disagreement = talk.disagreement(error.message);
        const what = [disagreement ?? error.message, ...notes].join('; ');
        const incompatible = disagreement !== undefined;
        reject(new SshError(dial.where, heard(stage), what, { cause: error, incompatible }));
      };
      client.once('ready', resolve);
      client.once('handshake', () => {
        reached('authentication');
      });
      client.on('error', (error) => {
        if (isOfAgent(error)) notes.push(`the agent: ${error.message}`);
        else fail(refused ?? error);
      });
      client.once('close', () => {
        fail(refused ?? new Error('closed by the host'));
      });
      signal.addEventListener(
        'abort',
        () => {
          reach(heard(stage));
          reject(new Error('aborted'));
        },
        { once: true },
      );
    });
    // SSH has no half-closed connections, and a forwarded channel whose far end is gone does not close by itself.
    if (socket.destroyed) throw new SshError(dial.where, 'banner', 'closed by the host');
    if (socket.readableEnded) socket.destroy();
    else socket.once('end', () => socket.destroy());
    client.connect({
      sock: socket,
      username: dial.user,
      // A copy: ssh2 takes its elements out.
      authHandler: [...dial.methods],
      readyTimeout: 0,
      keepaliveInterval: dial.keepalive ?? defaultKeepalive,
      keepaliveCountMax: 3,
      algorithms,
      debug: talk.listen,
      hostVerifier: (key: Buffer, verify: (trusted: boolean) => void) => {
        reached('host key');
        checkHostKey(dial.hostKeys, key).then(
          () => {
            verify(true);
          },
          (error: unknown) => {
            refused = error;
            verify(false);
          },
        );
      },
    });
    try {
      await ready;
      return connection;
    } catch (error) {
      client.destroy();
      socket.destroy();
      throw error;
    }
  }

  /** Runs a command line. Rejects before it may have run with a passing {@link SshError} of stage `channel`. */
  async exec(line: string): Promise<SshSession> {
    const lost = (): SshError => this.#lost ?? new SshError(this.#where, 'connection', 'lost before the command ended');
    return this.#open<ClientChannel, SshSession>(
      (done) => {
        this.#client.exec(line, done);
      },
      (channel) => sshSession(channel, lost),
    );
  }

  async forward(endpoint: Endpoint): Promise<Duplex> {
    return this.#open<Duplex, Duplex>(
      (done) => {
        if ('path' in endpoint) this.#client.openssh_forwardOutStreamLocal(endpoint.path, done);
        else this.#client.forwardOut('127.0.0.1', 0, endpoint.host, endpoint.port, done);
      },
      (stream) => stream,
    );
  }

  /** A half-open connection never answers: the opening of a channel has a deadline of its own, and the connection ends with it. */
  #open<C extends Duplex, T>(
    request: (done: (error: Error | undefined, channel: C) => void) => void,
    use: (channel: C) => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const timer = setTimeout(() => {
        const error = new SshError(
          this.#where,
          'channel',
          `no answer within ${String(this.#channelDeadline / 1000)} s`,
        );
        this.#lost ??= error;
        this.#client.destroy();
        reject(error);
      }, this.#channelDeadline);
      request((error, channel) => {
        clearTimeout(timer);
        if (error === undefined) resolve(use(channel));
        else
          reject(
            this.#lost ??
              new SshError(this.#where, 'channel', error.message, {
                cause: error,
                refused: refusals.test(error.message),
              }),
          );
      });
    });
  }

  /** Says goodbye, and hangs up where nobody answers. */
  async close(): Promise<void> {
    if (this.#lost !== undefined) return;
    const closed = once(this.#client, 'close', { signal: AbortSignal.timeout(3000) });
    this.#client.end();
    const timer = setTimeout(() => {
      this.#client.destroy();
    }, 1000);
    await closed.catch(() => undefined);
    clearTimeout(timer);
  }
}
