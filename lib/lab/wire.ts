import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { WireEnds } from './ports.js';

/** An Ethernet frame without its check sequence, and when it came. */
export interface ReceivedFrame {
  /** By the monotonic clock of this process, nanoseconds. */
  readonly at: bigint;
  readonly frame: Uint8Array;
}

export interface WireStatistics {
  readonly sent: number;
  readonly received: number;
  /** Frames that nobody took in time. */
  readonly dropped: number;
}

/** The far end of a virtual host's wire, on the machine on which its QEMU runs. */
export interface Wire extends AsyncDisposable {
  /** Sends one Ethernet frame; resolves when the kernel has it. */
  send(frame: Uint8Array): Promise<void>;
  /** Every frame from the call on, until the signal or the wire's end. Several readers get each frame each. */
  frames(options?: { readonly signal?: AbortSignal }): AsyncIterable<ReceivedFrame>;
  statistics(): WireStatistics;
}

/** Of a reader that does not keep up; more would be memory without an end. */
const queueLimit = 65_536;
const bufferSize = 4 * 1024 * 1024;

class Reader {
  readonly queue: ReceivedFrame[] = [];
  #wake: () => void = () => undefined;
  #ended = false;

  push(frame: ReceivedFrame): boolean {
    if (this.queue.length >= queueLimit) return false;
    this.queue.push(frame);
    this.#wake();
    return true;
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<ReceivedFrame> {
    for (;;) {
      for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) yield next;
      if (this.#ended) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (this.queue.length > 0 || this.#ended) resolve();
      });
    }
  }
}

class UdpWire implements Wire {
  readonly #socket: Socket;
  readonly #port: number;
  readonly #readers = new Set<Reader>();
  #sent = 0;
  #received = 0;
  #dropped = 0;

  constructor(socket: Socket, port: number) {
    this.#socket = socket;
    this.#port = port;
    socket.on('message', (frame, from) => {
      if (from.port !== port) return;
      this.#received++;
      const received = { at: process.hrtime.bigint(), frame };
      for (const reader of this.#readers) if (!reader.push(received)) this.#dropped++;
    });
    // A QEMU that is not there yet, or no longer, answers with ICMP: frames are lost then, as on any wire.
    socket.on('error', () => undefined);
  }

  send(frame: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#socket.send(frame, this.#port, '127.0.0.1', (error) => {
        if (error !== null && !error.message.includes('ECONNREFUSED')) {
          reject(new Kvm4nfvError('E_WIRE', `wire: a frame could not be sent: ${error.message}`, { cause: error }));
          return;
        }
        this.#sent++;
        resolve();
      });
    });
  }

  frames(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<ReceivedFrame> {
    const reader = new Reader();
    this.#readers.add(reader);
    const end = (): void => {
      reader.end();
    };
    options.signal?.addEventListener('abort', end, { once: true });
    if (options.signal?.aborted === true) end();
    const done = (): void => {
      this.#readers.delete(reader);
      options.signal?.removeEventListener('abort', end);
    };
    return {
      async *[Symbol.asyncIterator]() {
        try {
          yield* reader.read();
        } finally {
          done();
        }
      },
    };
  }

  statistics(): WireStatistics {
    return { sent: this.#sent, received: this.#received, dropped: this.#dropped };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
    await new Promise<void>((resolve) => {
      this.#socket.close(() => {
        resolve();
      });
    });
  }
}

/** Takes the far end of a wire: frames go to `port`, QEMU's, and come to `peerPort`. */
export const openWire = async ({ port, peerPort }: WireEnds): Promise<Wire> => {
  const socket = createSocket({ type: 'udp4', recvBufferSize: bufferSize, sendBufferSize: bufferSize });
  try {
    socket.bind({ address: '127.0.0.1', port: peerPort, exclusive: true });
    await once(socket, 'listening');
  } catch (error) {
    socket.close();
    throw new Kvm4nfvError('E_WIRE_TAKEN', `wire: UDP port ${String(peerPort)} can't be had: ${messageOf(error)}`, {
      cause: error,
      hint: 'One end of a wire takes one peer: close the other first.',
    });
  }
  return new UdpWire(socket, port);
};
