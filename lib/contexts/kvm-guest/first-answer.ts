import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import type { Patience } from '../../host/patience.js';

/** Where a guest's sshd is, as seen from the host that it runs on. */
export interface GuestAddress {
  readonly address: string;
  readonly port: number;
}

interface AnswerOptions {
  readonly on: Host;
  readonly address: () => Promise<GuestAddress | undefined>;
  /** Why there will be no answer, asked once in a while. */
  readonly gone: () => Promise<string | undefined>;
  /** An address is known. */
  readonly found: () => void;
  /** sshd listens already. */
  readonly listening: boolean;
  readonly patience: Patience;
  readonly signal: AbortSignal;
}

/**
 * A port that slirp forwards accepts at once, whether sshd listens behind it or not, and repeats an unanswered SYN after
 * seconds only: so a new try starts while earlier ones still wait, and only bytes count as an answer. Few tries at a time,
 * and the more patient the slower the guest has been so far: each costs an sshd process there.
 */
const mostTries = 2;
const shortestTry = 3000;
const tryShare = 1 / 2;
/** Where sshd is known to listen, one try is enough: it is only slow. */
const tryOfListening = 60_000;
const shortestPause = 100;
const longestPause = 300;
const askGoneEvery = 2500;

/** The stream once its first bytes have come, not yet read; undefined where none came. */
const answered = async (
  on: Host,
  { address, port }: GuestAddress,
  signal: AbortSignal,
): Promise<Duplex | undefined> => {
  const stream = await on.connect({ host: address, port }, { signal });
  const came = await new Promise<boolean>((resolve) => {
    const no = (): void => {
      resolve(false);
    };
    stream.once('readable', () => {
      resolve(stream.readableLength > 0);
    });
    for (const event of ['end', 'error', 'close']) stream.once(event, no);
    signal.addEventListener('abort', no, { once: true });
  });
  if (came) return stream;
  stream.on('error', () => undefined).destroy();
  return undefined;
};

/** Waits for the first answer of a guest's sshd. Throws an error that says why there will be none. */
export const firstAnswer = async (
  options: AnswerOptions,
): Promise<{ readonly stream: Duplex; readonly address: GuestAddress }> => {
  const { on, listening, patience: forAll, signal } = options;
  const over = new AbortController();
  let winner: { readonly stream: Duplex; readonly address: GuestAddress } | undefined;
  const began = Date.now();
  let underWay = 0;
  const attempt = async (address: GuestAddress): Promise<void> => {
    const long = Math.max(listening ? tryOfListening : shortestTry, (Date.now() - began) * tryShare);
    const patience = AbortSignal.timeout(long);
    const stream = await answered(on, address, AbortSignal.any([over.signal, patience]));
    if (stream === undefined) return;
    if (winner === undefined) winner = { stream, address };
    else stream.on('error', () => undefined).destroy();
    over.abort();
  };
  let asked = began;
  try {
    for (let pause = shortestPause; ; pause = Math.min(pause * 1.2, longestPause)) {
      const address = underWay < (listening ? 1 : mostTries) ? await options.address() : undefined;
      if (address !== undefined) {
        options.found();
        underWay += 1;
        void attempt(address)
          .catch(() => undefined)
          .finally(() => {
            underWay -= 1;
          });
      }
      await sleep(pause, undefined, { signal: AbortSignal.any([signal, over.signal]) }).catch(() => undefined);
      const late = !(await forAll.more());
      signal.throwIfAborted();
      if (winner !== undefined) return winner;
      if (Date.now() - asked >= askGoneEvery) {
        asked = Date.now();
        const gone = await options.gone();
        if (gone !== undefined) throw new Kvm4nfvError('E_GUEST_START', gone);
      }
      if (late) throw new Kvm4nfvError('E_GUEST_START', 'the time for its start is over');
    }
  } finally {
    over.abort();
  }
};
