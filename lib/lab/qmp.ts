import type { Duplex } from 'node:stream';
import * as z from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { Patience, slownessOf } from '../host/patience.js';

export interface QmpOptions {
  /** Milliseconds. Default: 30 s. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const messageSchema = z.looseObject({
  return: z.unknown().optional(),
  error: z.looseObject({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  id: z.string().optional(),
});
type Message = z.output<typeof messageSchema>;

interface Waiter {
  readonly take: (message: Message) => boolean;
  readonly fail: (error: Error) => void;
}

/** A monitor of QEMU: one JSON object a line, both ways. */
export class Qmp implements AsyncDisposable {
  readonly #host: Host;
  readonly #where: string;
  readonly #stream: Duplex;
  readonly #waiters = new Set<Waiter>();
  #next = 0;
  #text = '';
  #lost: Error | undefined;

  private constructor(host: Host, path: string, stream: Duplex) {
    const where = `${host.name}: ${path}`;
    this.#host = host;
    this.#where = where;
    this.#stream = stream;
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      this.#receive(text);
    });
    const end = (cause?: Error): void => {
      this.#fail(new Kvm4nfvError('E_QEMU', `${where}: QEMU closed its monitor`, cause === undefined ? {} : { cause }));
    };
    stream.on('error', end).on('close', end);
  }

  /** Connects to the monitor on a unix socket of the host and takes it out of its greeting. */
  static async connect(host: Host, path: string, options: QmpOptions = {}): Promise<Qmp> {
    const stream = await host.connect({ path }, options.signal === undefined ? {} : { signal: options.signal });
    const qmp = new Qmp(host, path, stream);
    try {
      await qmp.execute('qmp_capabilities', {}, options);
      return qmp;
    } catch (error) {
      await qmp[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Gives what the command returned; an error in QEMU's words where it refused. */
  async execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    options: QmpOptions = {},
  ): Promise<unknown> {
    const id = String(this.#next++);
    const answered = this.#wait(command, (message) => message.id === id, options);
    this.#stream.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    const { error, return: value } = await answered;
    if (error !== undefined) throw new Kvm4nfvError('E_QEMU', `${this.#where}: ${command}: ${error.desc}`);
    return value;
  }

  /** The next event for which `wanted` is true; it listens from the call on. */
  async event(wanted: (event: QmpEvent) => boolean, options: QmpOptions = {}): Promise<QmpEvent> {
    const eventOf = ({ event, data }: Message): QmpEvent | undefined =>
      event === undefined ? undefined : { event, data: data ?? {} };
    const isWanted = (message: Message): boolean => {
      const event = eventOf(message);
      return event !== undefined && wanted(event);
    };
    const found = eventOf(await this.#wait('an event', isWanted, options));
    if (found === undefined) throw new Kvm4nfvError('internal', `${this.#where}: an event that is none`);
    return found;
  }

  #wait(what: string, isIt: (message: Message) => boolean, { timeout = 30_000, signal }: QmpOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      const patience = new Patience(timeout, () => slownessOf(this.#host));
      let settled = false;
      const settle = (action: () => void): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        this.#waiters.delete(waiter);
        action();
      };
      const fail = (error: Error): void => {
        settle(() => {
          reject(error);
        });
      };
      const abort = (): void => {
        fail(new Kvm4nfvError('interrupted', `${this.#where}: ${what}: interrupted`, { cause: signal?.reason }));
      };
      const late = async (): Promise<void> => {
        const more = await patience.more();
        if (settled) return;
        if (more) timer = setTimeout(() => void late(), patience.left);
        else fail(new Kvm4nfvError('E_QEMU', `${this.#where}: ${what}: no answer within ${patience.words}`));
      };
      let timer = setTimeout(() => void late(), timeout);
      const take = (message: Message): boolean => {
        if (!isIt(message)) return false;
        settle(() => {
          resolve(message);
        });
        return true;
      };
      const waiter: Waiter = { take, fail };
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', abort, { once: true });
      if (this.#lost !== undefined) fail(this.#lost);
      else if (signal?.aborted === true) abort();
    });
  }

  #receive(text: string): void {
    const lines = (this.#text + text).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines.filter((one) => one.trim() !== '')) {
      const message = parseMessage(line);
      if (message === undefined) {
        this.#fail(new Kvm4nfvError('E_QEMU', `${this.#where}: not a message of QMP: ${line.slice(0, 200)}`));
        this.#stream.destroy();
        return;
      }
      for (const waiter of [...this.#waiters]) if (waiter.take(message)) break;
    }
  }

  #fail(error: Error): void {
    this.#lost ??= error;
    for (const waiter of [...this.#waiters]) waiter.fail(error);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
    return Promise.resolve();
  }
}

/** A line of QMP; undefined where it is none. */
export const parseMessage = (line: string): Message | undefined => {
  try {
    return messageSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
};
