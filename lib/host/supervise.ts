import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileProblem, Kvm4nfvError } from '../error.js';
import { aborted, defaultMaxOutput, floods, timedOut, type Command } from './command.js';
import type { ExecResult } from './host.js';
import { longestCommand, maxFlood, maxWords } from './limits.js';
import { Output } from './output.js';
import { Patience, slowness } from './patience.js';

/** A command under way, as a transport shows it. */
export interface Running {
  /** Absent where the command was started without an input. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Where a login shell stands before it: the command's time begins with the command, and until then there is another deadline. */
  readonly login?: {
    readonly begun: Promise<void>;
    /** Milliseconds. */
    readonly deadline: number;
    readonly late: () => Error;
  };
  /** Rejects when the connection is lost. */
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>;
  /** Ends it, children included, and closes its streams; never rejects. */
  kill(): Promise<void>;
}

const closedEarly = new Set([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);
const isClosedEarly = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && closedEarly.has(String(error.code));

const localFault = (what: string, error: unknown): Kvm4nfvError =>
  Kvm4nfvError.is(error)
    ? error
    : new Kvm4nfvError('E_LOCAL_FILE', `${what} on this machine: ${fileProblem(error)}`, { cause: error });

/** A command that ends before it has read all is no fault of its input; our own file may be one. */
const feed = async (stdin: Writable | null, command: Command): Promise<void> => {
  if (stdin === null) return;
  try {
    await pipeline(
      command.input?.() ?? Readable.from(command.stdin === undefined ? [] : [Buffer.from(command.stdin)]),
      stdin,
    );
  } catch (error) {
    if (!isClosedEarly(error)) throw localFault(`input of ${command.argv[0] ?? ''} can't be read`, error);
  }
};

const drain = async (stdout: Readable, command: Command, keep: () => Promise<void>): Promise<void> => {
  if (command.output === undefined) return keep();
  try {
    await pipeline(stdout, command.output());
  } catch (error) {
    // A connection that is lost tells itself.
    if (!isClosedEarly(error)) throw localFault(`output of ${command.argv[0] ?? ''} can't be written`, error);
  }
};

/** Keeps what comes, and calls `flooded` where more than `most` bytes do. */
const collect = (stream: Readable, kept: Output, most: number, flooded: () => void): Promise<void> =>
  new Promise((resolve) => {
    let left = most;
    stream.on('data', (chunk: Buffer) => {
      kept.add(chunk);
      left -= chunk.length;
      if (left < 0) flooded();
    });
    stream.once('close', resolve).once('error', () => {
      resolve();
    });
  });

/** Feeds a command, keeps what it says, and ends it when its time is over, its signal asks for it, or a stream fails. */
export const supervise = async (
  host: string,
  command: Command,
  running: Running,
  ask: (command: Command) => Promise<ExecResult>,
): Promise<ExecResult> => {
  const limit = command.maxOutput ?? defaultMaxOutput;
  const isWhole = command.whole === true;
  const most = isWhole ? limit : limit + maxFlood;
  // What is to be whole is all of it head.
  const stdout = new Output(isWhole ? 2 * limit : limit);
  const stderr = new Output(isWhole ? Math.min(limit, maxWords) : limit);
  const faults: unknown[] = [];
  const stop = (fault: unknown): void => {
    if (faults.push(fault) === 1) void running.kill();
  };
  const flooded = (): void => {
    stop(floods(host, command, most));
  };
  const streams = [
    feed(running.stdin, command),
    drain(running.stdout, command, () => collect(running.stdout, stdout, most, flooded)),
    collect(running.stderr, stderr, limit + maxFlood, flooded),
  ];
  const moved = Promise.all(streams.map((stream) => stream.catch(stop)));
  const { signal } = command;
  const timeout = command.timeout ?? command.longest ?? (command.waits === true ? undefined : longestCommand);
  const onAbort = (): void => {
    if (signal !== undefined) stop(aborted(`${host}: ${command.argv[0] ?? ''}`, signal));
  };
  const isStrict = command.strict === true || command.waits === true;
  let timer: NodeJS.Timeout | undefined;
  let over = false;
  const begin = (): void => {
    clearTimeout(timer);
    if (timeout === undefined || over) return;
    const patience = new Patience(timeout, () => slowness((argv, limits) => ask({ argv, ...limits, strict: true })));
    const onTimeout = async (): Promise<void> => {
      const more = !isStrict && (await patience.more());
      if (over) return;
      if (more) timer = setTimeout(() => void onTimeout(), patience.left);
      else stop(timedOut(host, command, patience.words));
    };
    timer = setTimeout(() => void onTimeout(), timeout);
  };
  const { login } = running;
  if (login === undefined) begin();
  else {
    timer = setTimeout(() => stop(login.late()), login.deadline);
    void login.begun.then(begin);
  }
  signal?.addEventListener('abort', onAbort, { once: true });
  if (signal?.aborted === true) onAbort();
  try {
    const ended = await running.ended;
    await moved;
    if (faults.length > 0) throw faults[0];
    const [out, err] = [stdout.finish(), stderr.finish()];
    return { argv: command.argv, ...ended, stdout: out.text, stderr: err.text, dropped: out.dropped + err.dropped };
  } catch (error) {
    throw faults.length > 0 ? faults[0] : error;
  } finally {
    over = true;
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
};
