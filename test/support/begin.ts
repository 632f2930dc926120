import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

const begun = new Set<ChildProcess>();

const keep = (child: ChildProcess): ChildProcess => {
  begun.add(child);
  child.once('exit', () => begun.delete(child)).once('error', () => begun.delete(child));
  return child;
};

/** `spawn`, but that what a failed test leaves running is ended after it (test/support/hooks.ts), so that it spoils no other test. */
export const begin = ((...args: Parameters<typeof spawn>) => keep(spawn(...args))) as typeof spawn;

/** What has been begun and not ended yet. */
export const stillRunning = (): ReadonlySet<ChildProcess> => new Set(begun);

/** Ends a process: by SIGTERM first, since a controller that is asked to puts back what it has changed. */
export const end = async (child: ChildProcess, grace = 20_000): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  const late = setTimeout(() => child.kill('SIGKILL'), grace);
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  await ended;
  clearTimeout(late);
};
