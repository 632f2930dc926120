import { EventLog, Progress } from '../report/progress.js';
import type { RunEvent } from '../run/event.js';

/** Shows how a run gets on: one line that is kept up to date on a terminal, plain lines elsewhere. */
export class Live implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #progress = new Progress();
  readonly #log = new EventLog();
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    const redraws = stream.isTTY && (process.env['CI'] ?? '') === '';
    // Once a second: what we do here may run on the machine that is measured.
    this.#timer = redraws ? setInterval(() => this.#draw(), 1000) : undefined;
  }

  readonly onEvent = (event: RunEvent): void => {
    this.#progress.add(event);
    const line = this.#log.line(event);
    if (this.#timer === undefined) {
      if (line !== undefined) this.#stream.write(`${event.at.slice(11, 19)}  ${line}\n`);
    } else this.#draw();
  };

  #draw(): void {
    const width = Math.max(20, this.#stream.columns - 1);
    this.#stream.write(`\r\u001B[2K${this.#progress.line(Date.now()).slice(0, width)}`);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#stream.write('\r\u001B[2K');
  }
}
