import type { Duplex } from 'node:stream';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import type { Patience } from '../host/patience.js';

export interface WaitOptions {
  readonly patience: Patience;
  readonly signal?: AbortSignal;
}

const kept = 64 * 1024;

/** Waits until a stream has said what `find` looks for, and gives what that returned. What it said before the end is in the error. */
export const waitForText = <T>(
  stream: Duplex,
  what: string,
  find: (text: string) => T | undefined,
  { patience, signal }: WaitOptions,
): Promise<T> =>
  new Promise((resolve, reject) => {
    let text = '';
    let settled = false;
    const settle = (action: () => void): void => {
      if (settled) return;
      settled = true;
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      stream.off('data', take).off('close', closed).off('error', closed);
      action();
    };
    const fail = (fault: 'tool' | 'interrupted', why: string): void => {
      const said = text.trim().split('\n').slice(-8).join('\n');
      settle(() => {
        reject(new Kvm4nfvError(fault, `${what}: ${why}${said === '' ? '' : `; the last it said:\n${said}`}`));
      });
    };
    const abort = (): void => {
      fail('interrupted', 'interrupted');
    };
    const closed = (): void => {
      fail('tool', 'the connection was closed');
    };
    const take = (chunk: Buffer | string): void => {
      text = (text + chunk.toString()).slice(-kept);
      const found = find(text);
      if (found === undefined) return;
      settle(() => {
        resolve(found);
      });
    };
    const late = async (): Promise<void> => {
      const more = await patience.more();
      if (settled) return;
      if (more) timer = setTimeout(() => void late(), patience.left);
      else fail('tool', `not within ${patience.words}`);
    };
    let timer = setTimeout(() => void late(), patience.left);
    stream.on('data', take).on('close', closed).on('error', closed);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
  });

/** Waits until the console of a machine has said a line; what it said before we listened is in its log. */
export const waitForConsole = async (
  host: Host,
  place: { readonly socket: string; readonly log: string },
  line: string,
  options: WaitOptions,
): Promise<void> => {
  const stream = await host.connect(
    { path: place.socket },
    options.signal === undefined ? {} : { signal: options.signal },
  );
  try {
    const said = waitForText(
      stream,
      `console ${place.log}`,
      (text) => (text.includes(line) ? true : undefined),
      options,
    );
    const earlier = host.read(place.log, { cut: true }).then((text) => {
      if (text.includes(line)) return true;
      return said;
    });
    await Promise.race([said, earlier]);
  } finally {
    stream.destroy();
  }
};
