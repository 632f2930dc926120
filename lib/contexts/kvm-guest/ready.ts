import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../../host/host.js';
import { openSshHost } from '../../host/ssh.js';
import type { GuestKeys } from '../../image/keys.js';

/** Where a guest's sshd is, as seen from the host that it runs on. */
export interface GuestAddress {
  readonly address: string;
  readonly port: number;
}

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
  /** A command that returns when the guest has finished booting. */
  readonly finished: readonly string[];
  /** Milliseconds for all of it. */
  readonly deadline: number;
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
}

export interface ReadyGuest {
  readonly sut: Host;
  readonly bootId: string;
}

type Stage = 'waiting for an address' | 'waiting for sshd' | 'waiting for the end of the boot';

/** A port that slirp forwards accepts at once, whether sshd listens behind it or not: only a banner tells. */
const bannerWithin = 1500;
const shortestPause = 50;
const longestPause = 500;

const hasBanner = async (on: Host, { address, port }: GuestAddress, signal: AbortSignal): Promise<boolean> => {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(bannerWithin)]);
  try {
    const stream = await on.connect({ host: address, port }, { signal: patience });
    try {
      return await new Promise<boolean>((resolve) => {
        stream.once('data', (data: Buffer) => {
          resolve(data.toString('latin1').startsWith('SSH-'));
        });
        for (const event of ['end', 'error', 'close']) stream.once(event, () => { resolve(false); });
        patience.addEventListener('abort', () => { resolve(false); }, { once: true });
      });
    } finally {
      stream.on('error', () => undefined).destroy();
    }
  } catch {
    signal.throwIfAborted();
    return false;
  }
};

const connectGuest = async (options: ReadyOptions, { address, port }: GuestAddress): Promise<Host> => {
  const [kind = '', data = ''] = options.keys.host.publicKey.split(' ');
  return openSshHost(
    options.name,
    { address, port, user: options.user, agent: false, host_key: 'strict' },
    { via: options.on, hostKeys: [`${kind} ${data}`], privateKey: options.keys.client.privateKey, signal: options.signal, configFile: '/dev/null' },
  );
};

/**
 * Waits until a guest can be worked in: sshd answers with the host key that it was given, the boot has finished, the boot
 * id is known. What goes wrong is an `environment` error with the stage that was reached and the end of the console.
 */
export const guestReady = async (options: ReadyOptions): Promise<ReadyGuest> => {
  const { on, signal, deadline, progress } = options;
  const until = Date.now() + deadline;
  let stage: Stage = 'waiting for an address';
  const fail = async (why: string, cause?: unknown): Promise<Kvm4nfvError> => {
    const console = (await options.console().catch(() => '')).trimEnd().split('\n').slice(-15).join('\n');
    return new Kvm4nfvError('environment', `guest ${options.name} is not ready: ${why} (${stage})${console === '' ? '; its console is empty' : `; the end of its console:\n${console}`}`, {
      hint: 'the whole console and the domain XML are in the directory of the run',
      cause,
    });
  };
  const enter = (next: Stage): void => {
    if (stage === next) return;
    stage = next;
    progress(next);
  };
  const sshd = async (): Promise<Host> => {
    for (let pause = shortestPause; ; pause = Math.min(pause * 1.3, longestPause)) {
      const address = await options.address();
      if (address !== undefined) {
        enter('waiting for sshd');
        if (await hasBanner(on, address, signal)) return connectGuest(options, address);
      }
      const gone = await options.gone();
      if (gone !== undefined) throw await fail(gone);
      if (Date.now() > until) throw await fail(`not within ${String(deadline / 1000)} s`);
      await sleep(pause, undefined, { signal });
    }
  };
  let sut: Host | undefined;
  try {
    sut = await sshd();
    enter('waiting for the end of the boot');
    await sut.exec(options.finished, { check: false, timeout: Math.max(1000, until - Date.now()), signal });
    return { sut, bootId: (await sut.read('/proc/sys/kernel/random/boot_id')).trim() };
  } catch (error) {
    await sut?.[Symbol.asyncDispose]();
    signal.throwIfAborted();
    if (Kvm4nfvError.is(error) && error.fault === 'environment') throw error;
    throw await fail(messageOf(error), error);
  }
};
