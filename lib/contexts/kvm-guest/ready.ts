import type { Duplex } from 'node:stream';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../../host/host.js';
import { Patience, slownessOf } from '../../host/patience.js';
import { openSshHost, SshError } from '../../host/ssh/open.js';
import type { GuestKeys } from '../../image/keys.js';
import { firstAnswer, type GuestAddress } from './first-answer.js';

export type { GuestAddress } from './first-answer.js';

export interface ReadyOptions {
  /** Name that the guest has as a host. */
  readonly name: string;
  readonly on: Host;
  readonly keys: GuestKeys;
  readonly user: string;
  /** The guest's address once it is known; undefined while it is not. */
  readonly address: () => Promise<GuestAddress | undefined>;
  /** Why the guest can't become ready any more, such as that its QEMU has ended; undefined where it can. */
  readonly gone: () => Promise<string | undefined>;
  /** The end of what the guest wrote to its console. */
  readonly console: () => Promise<string>;
  /** Its sshd listens already: it was restored and not booted. */
  readonly listening: boolean;
  /** A command that returns when the guest has finished booting; undefined where it has. */
  readonly finished: readonly string[] | undefined;
  /** Milliseconds for all of it, on a host that is not slow. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
}

export interface ReadyGuest {
  readonly sut: Host;
  readonly bootId: string;
}

export type ReadyStage = 'waiting for an address' | 'waiting for sshd' | 'waiting for the end of the boot';

/** Lines of the console that an error quotes. */
const quoted = 15;
/** Under emulation, on a busy host, a handshake takes long. */
const handshakeWithin = 60_000;

const connectGuest = async (
  { name, on, keys, user, gone, signal }: ReadyOptions,
  { address, port }: GuestAddress,
  stream: Duplex,
): Promise<Host> => {
  const [kind = '', data = ''] = keys.host.publicKey.split(' ');
  return openSshHost(
    name,
    { address, port, user, agent: false, host_key: 'strict' },
    {
      via: on,
      hostKeys: [`${kind} ${data}`],
      privateKey: keys.client.privateKey,
      signal,
      configFile: '/dev/null',
      deadline: handshakeWithin,
      stream,
      gone,
    },
  );
};

// One round trip: what the command says about the boot does not matter, only that it has returned.
const bootId = '/proc/sys/kernel/random/boot_id';
const finishScript = `"$@" >/dev/null 2>&1; cat ${bootId}`;

/**
 * Waits until a guest can be worked in: sshd answers with the host key that it was given, the boot has finished, the boot
 * id is known. What goes wrong is an `environment` error with the stage that was reached and the end of the console.
 */
export const guestReady = async (options: ReadyOptions): Promise<ReadyGuest> => {
  const { signal, deadline } = options;
  // A guest that boots goes on saying something; one that is restored says nothing.
  const progress = options.listening ? undefined : options.console;
  const patience = new Patience(deadline, () => slownessOf(options.on), progress);
  let stage: ReadyStage = 'waiting for an address';
  const enter = (next: ReadyStage): void => {
    if (stage === next) return;
    stage = next;
    options.progress(next);
  };
  const failure = async (why: string, cause?: unknown): Promise<Kvm4nfvError> => {
    const text = (await options.console().catch(() => '')).trimEnd();
    const said =
      text === ''
        ? '; its console is empty'
        : `; the end of its console:\n${text.split('\n').slice(-quoted).join('\n')}`;
    return new Kvm4nfvError('E_GUEST_START', `guest ${options.name} is not ready: ${why} (${stage})${said}`, {
      hint: 'the whole console and the domain XML are in the directory of the run',
      cause,
    });
  };
  const sshd = async (): Promise<Host> => {
    for (;;) {
      const { stream, address } = await firstAnswer({
        ...options,
        patience,
        found: () => {
          enter('waiting for sshd');
        },
      });
      try {
        return await connectGuest(options, address, stream);
      } catch (error) {
        stream.destroy();
        // While sshd is coming up it may still drop a connection; a wrong key stays wrong.
        if (!(error instanceof SshError && error.passing) || !(await patience.more())) throw error;
      }
    }
  };
  let sut: Host | undefined;
  try {
    sut = await sshd();
    enter('waiting for the end of the boot');
    const { finished } = options;
    const argv = finished === undefined ? ['cat', bootId] : ['sh', '-c', finishScript, 'sh', ...finished];
    const { stdout } = await sut.exec(argv, { timeout: Math.max(1000, patience.left), signal });
    return { sut, bootId: stdout.trim() };
  } catch (error) {
    await sut?.[Symbol.asyncDispose]();
    signal.throwIfAborted();
    const gone = await options.gone().catch(() => undefined);
    throw await failure(gone ?? messageOf(error), error);
  }
};
