import { Kvm4nfvError } from '../error.js';
import { Patience } from '../host/patience.js';

/**
 * `work`, or an error when its time is over or the signal comes first. It is not called off: it goes on,
 * and its result is dropped. `slower`: how many times slower than usual the machine is that does it.
 */
export const deadline = <T>(
  work: Promise<T>,
  timeout: number,
  signal: AbortSignal | undefined,
  what: string,
  slower: () => Promise<number>,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const patience = new Patience(timeout, slower);
    let settled = false;
    const over = async (): Promise<void> => {
      const more = await patience.more();
      if (settled) return;
      if (more) {
        timer = setTimeout(() => void over(), patience.left);
        return;
      }
      settle();
      reject(new Kvm4nfvError('E_TIMEOUT', `${what}: no answer within ${patience.words}`));
    };
    let timer = setTimeout(() => void over(), timeout);
    const aborted = (): void => {
      settle();
      const reason: unknown = signal?.reason;
      reject(
        reason instanceof Error ? reason : new Kvm4nfvError('interrupted', `${what}: interrupted`, { cause: reason }),
      );
    };
    const settle = (): void => {
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    work.finally(settle).then(resolve, reject);
  });
