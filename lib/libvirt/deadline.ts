import { Kvm4nfvError } from '../error.js';

/**
 * `work`, or an error when its time is over or the signal comes first. It is not called off: it goes on,
 * and its result is dropped.
 */
export const deadline = <T>(
  work: Promise<T>,
  timeout: number,
  signal: AbortSignal | undefined,
  what: string,
): Promise<T> =>
  new Promise((resolve, reject) => {
    const over = (): void => {
      settle();
      reject(new Kvm4nfvError('tool', `${what}: no answer within ${String(timeout / 1000)} s`));
    };
    const timer = setTimeout(over, timeout);
    const aborted = (): void => {
      settle();
      const reason: unknown = signal?.reason;
      reject(
        reason instanceof Error ? reason : new Kvm4nfvError('interrupted', `${what}: interrupted`, { cause: reason }),
      );
    };
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', aborted);
    };
    signal?.addEventListener('abort', aborted, { once: true });
    work.finally(settle).then(resolve, reject);
  });
