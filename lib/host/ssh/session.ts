import type { Duplex, Readable, Writable } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import type { Endpoint } from '../host.js';
import type { SshError } from './error.js';

/** A command under way on a connection. */
export interface SshSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Rejects when the connection is lost first. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>;
  /** Closes the channel and waits no longer for the host to agree than two seconds. */
  hangUp(): void;
}

/** A connection to a host, whoever makes it. */
export interface Connection {
  /** Why it is gone; undefined while it lives. */
  readonly lost: SshError | undefined;
  /** Whether the end of a session tells how the command ended; else the command line must print it. */
  readonly tellsExit: boolean;
  /** Runs a command line. Rejects before it may have run with a passing {@link SshError} of stage `channel`. */
  exec(line: string): Promise<SshSession>;
  forward(endpoint: Endpoint): Promise<Duplex>;
  close(): Promise<void>;
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
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
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
