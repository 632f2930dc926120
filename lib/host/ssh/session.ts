import type { ClientChannel } from 'ssh2';
import type { SshError } from './error.js';

/** A command under way on a connection. */
export interface SshSession {
  readonly channel: ClientChannel;
  /** Rejects when the connection is lost first. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>;
  /** Closes the channel and waits no longer for the host to agree than two seconds. */
  hangUp(): void;
}

const farewell = 2000;

/**
 * To be called as soon as there is a channel: a quick command has its exit status in the same packet as the answer, and
 * ssh2 tells it once, at once. A channel that closes without one was lost.
 */
export const sshSession = (channel: ClientChannel, lost: () => SshError): SshSession => {
  let status: { readonly exitCode: number | undefined; readonly signal: string | undefined } | undefined;
  let giveUp = (): void => undefined;
  channel.on('exit', (code: number | null, signal?: string) => {
    status = { exitCode: code ?? undefined, signal };
  });
  const ended = new Promise<NonNullable<typeof status>>((resolve, reject) => {
    giveUp = () => {
      channel.destroy();
      reject(lost());
    };
    channel.on('close', () => {
      if (status === undefined) reject(lost());
      else resolve(status);
    });
  });
  ended.catch(() => undefined);
  return {
    channel,
    ended,
    hangUp: () => {
      channel.close();
      const timer = setTimeout(giveUp, farewell);
      void ended
        .catch(() => undefined)
        .finally(() => {
          clearTimeout(timer);
        });
    },
  };
};
