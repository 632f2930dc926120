import type { Connection } from './session.js';

/** sshd lets 10 sessions share a connection (MaxSessions); two stay free, for ending what took too long. */
const usualSessions = 8;
const mostRefusals = 3;

/** One connection's place: made anew when the connection is lost. */
export interface Line {
  connection: Promise<Connection> | undefined;
  sessions: number;
  waits: number;
  /** Sessions that were refused since one was opened. */
  refusals: number;
}

/**
 * Shares connections out: commands go through the first one, eight at a time; what waits for long through it as well,
 * but four at most, and through further connections beyond that. Where sshd allows less, that is learned from its refusals.
 */
export class Lines {
  readonly all: Line[] = [{ connection: undefined, sessions: 0, waits: 0, refusals: 0 }];
  readonly #queue: (() => void)[] = [];
  #sessions = usualSessions;

  /** Runs `action` with a line that has room; waits for one where it must. */
  async use<T>(waits: boolean, action: (line: Line) => Promise<T>): Promise<T> {
    let line = this.#room(waits);
    while (line === undefined) {
      await new Promise<void>((resolve) => this.#queue.push(resolve));
      line = this.#room(waits);
    }
    line.sessions += 1;
    if (waits) line.waits += 1;
    try {
      return await action(line);
    } finally {
      line.sessions -= 1;
      if (waits) line.waits -= 1;
      this.#queue.shift()?.();
    }
  }

  /** sshd refused a session of a line. Once may be by chance, while another ends; twice, it allows no more than the line has. */
  refused(line: Line): void {
    line.refusals += 1;
    if (line.refusals < 2) return;
    this.#sessions = Math.max(1, Math.min(this.#sessions, line.sessions - 1));
  }

  /** sshd opens not even the only session of a line. */
  isShut(line: Line): boolean {
    return line.sessions === 1 && line.refusals > mostRefusals;
  }

  opened(line: Line): void {
    line.refusals = 0;
  }

  /** Whether a line keeps a session free for ending what took too long. */
  get spare(): boolean {
    return this.#sessions === usualSessions;
  }

  /** Commands that stand behind long waits would never come to an end. */
  get #waitsOnFirst(): number {
    return Math.floor(this.#sessions / 2);
  }

  #room(waits: boolean): Line | undefined {
    const found = this.all.find((line, index) => {
      if (line.sessions >= this.#sessions) return false;
      if (index === 0) return !waits || line.waits < this.#waitsOnFirst;
      return waits || line.waits < this.#sessions;
    });
    if (found !== undefined) return found;
    // A short command waits for another one's end, but not for that of a long wait.
    if (!waits && this.all.some((line) => line.sessions > line.waits)) return undefined;
    const line: Line = { connection: undefined, sessions: 0, waits: 0, refusals: 0 };
    this.all.push(line);
    return line;
  }
}
