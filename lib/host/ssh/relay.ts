import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { quoteArgv } from '../quote.js';

/** Brings a byte stream of ours to a process that wants a command as its way. */
export interface Relay {
  /** For ProxyCommand. */
  readonly command: string;
  /** Why there was no stream, where there was none. */
  readonly failure: () => unknown;
  close(): Promise<void>;
}

const client =
  "const s=require('node:net').connect(process.argv[1]);s.on('error',()=>process.exit(1));process.stdin.pipe(s).pipe(process.stdout)";

/** Listens at a socket of this machine, in a directory that is ours alone; who connects gets a stream. */
export const openRelay = async (
  socket: string,
  stream: (signal: AbortSignal) => Promise<Duplex>,
  signal: AbortSignal,
): Promise<Relay> => {
  let failure: unknown;
  const server = createServer((near) => {
    near.on('error', () => undefined);
    stream(signal).then(
      (far) => {
        far.on('error', () => near.destroy());
        far.once('close', () => near.destroy());
        near.once('close', () => far.destroy());
        near.pipe(far).pipe(near);
      },
      (error: unknown) => {
        failure = error;
        near.destroy();
      },
    );
  }).listen(socket);
  await once(server, 'listening');
  return {
    command: quoteArgv([process.execPath, '-e', client, socket]).replaceAll('%', '%%'),
    failure: () => failure,
    close: async () => {
      server.close();
      await once(server, 'close').catch(() => undefined);
    },
  };
};
