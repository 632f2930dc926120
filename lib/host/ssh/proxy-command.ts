import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Output } from '../output.js';
import { inheritedEnvironment } from '../local-environment.js';

/** A command that is the way to a host: its standard input and output are the connection. */
export interface ProxyCommand {
  readonly stream: Duplex;
  /** What it said on standard error; where it is about to end, that is waited for. */
  readonly said: () => Promise<string>;
}

const kept = 4096;
/** Milliseconds. */
const patience = 1000;

/** Starts ProxyCommand as `ssh` does, through the user's shell; it ends with the stream. */
export const openProxyCommand = (command: string): ProxyCommand => {
  const child = spawn('sh', ['-c', `exec ${command}`], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: inheritedEnvironment(),
    // What it starts itself ends with it.
    detached: true,
  });
  const closed = once(child, 'close').catch(() => undefined);
  const stderr = new Output(kept);
  child.stderr.on('data', (chunk: Buffer) => {
    stderr.add(chunk);
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => undefined);
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // Who reads it learns of its end.
  stream.on('error', () => undefined);
  child.once('error', (error) => stream.destroy(error));
  child.once('exit', () => {
    if (child.stdout.readableLength === 0) stream.destroy();
  });
  stream.once('close', () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  });
  return {
    stream,
    said: async () => {
      await Promise.race([closed, sleep(patience, undefined, { ref: false })]);
      return stderr.finish().text.trim();
    },
  };
};
