import stringWidth from 'string-width';
import { printable, printableData } from '../printable.js';
import { EventLog, Progress } from '../report/progress.js';
import type { RunEvent } from '../run/event.js';

const graphemes = new Intl.Segmenter();

/** As much of a line as fits: one that the terminal breaks can't be drawn over. */
const fitting = (line: string, width: number): string => {
  let shown = '';
  let room = width;
  for (const { segment } of graphemes.segment(line)) {
    room -= stringWidth(segment);
    if (room < 0) break;
    shown += segment;
  }
  return shown;
};

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

  readonly onEvent = (told: RunEvent): void => {
    const event = printableData(told);
    this.#progress.add(event);
    const line = this.#log.line(event);
    if (this.#timer === undefined) {
      if (line !== undefined)
        this.#stream.write(printable(`${event.at.slice(11, 19)}  ${line}\n`, { limit: Infinity }));
    } else this.#draw();
  };

  #draw(): void {
    const width = Math.max(20, this.#stream.columns - 1);
    const line = printable(this.#progress.line(Date.now()), { lines: false });
    this.#stream.write(`\r\u001B[2K${fitting(line, width)}`);
  }

  [Symbol.dispose](): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#stream.write('\r\u001B[2K');
  }
}
