import type { SshConnection } from './connection.js';

/** sshd lets 10 sessions share a connection (MaxSessions); two stay free, for ending what took too long. */
const sessionsPerConnection = 8;
/** Of those on the first connection: short commands must never stand behind long waits. */
const waitsOnFirst = 4;

/** One connection's place: made anew when the connection is lost. */
export interface Line {
  connection: Promise<SshConnection> | undefined;
  sessions: number;
  waits: number;
}

/**
 * Shares connections out: commands go through the first one, eight at a time; what waits for long through it as well,
 * but four at most, and through further connections beyond that.
 */
export class Lines {
  readonly all: Line[] = [{ connection: undefined, sessions: 0, waits: 0 }];
  readonly #queue: (() => void)[] = [];

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

  #room(waits: boolean): Line | undefined {
    const found = this.all.find((line, index) => {
      if (line.sessions >= sessionsPerConnection) return false;
      if (index === 0) return !waits || line.waits < waitsOnFirst;
      return waits;
    });
    if (found !== undefined || !waits) return found;
    const line: Line = { connection: undefined, sessions: 0, waits: 0 };
    this.all.push(line);
    return line;
  }
}
