import { finished } from 'node:stream/promises';
import { newMark, newMarker, wrapCommand, type Command } from '../command.js';
import { Frame, throughFrame } from '../frame.js';
import { quoteArgv } from '../quote.js';
import { signalName } from '../signal-name.js';
import { SudoError } from '../sudo.js';
import type { Running } from '../supervise.js';
import { EndFrame } from './end-frame.js';
import { SshError } from './error.js';
import { loginLine, loginShell, type LoginShell } from './login-line.js';
import type { Connection, SshSession } from './session.js';

/** A command on its way through a login shell, and perhaps sudo: what they say is kept apart from what it says. */
export class LoginCommand {
  readonly marker: string;
  readonly sudo: boolean;
  readonly #command: Command;
  readonly #mark = newMark();
  readonly #shellMark = newMark();
  readonly #sudoMark: string | undefined;
  readonly #endMark: string | undefined;
  readonly #out: Frame;
  readonly #err: Frame;

  constructor(
    command: Command,
    options: { readonly run: string | undefined; readonly sudo: boolean; readonly tellsExit: boolean },
  ) {
    this.#command = command;
    this.sudo = options.sudo;
    this.marker = newMarker(command.waits === true ? undefined : options.run);
    this.#sudoMark = options.sudo ? newMark() : undefined;
    this.#endMark = options.tellsExit ? undefined : newMark();
    this.#out = new Frame([this.#mark, this.#shellMark]);
    this.#err = new Frame(this.#sudoMark === undefined ? [this.#mark] : [this.#mark, this.#sudoMark]);
  }

  line(shell: LoginShell): string {
    const argv = wrapCommand(this.#command, { sudo: this.#sudoMark, marker: this.marker });
    return loginLine(shell, {
      command: quoteArgv(argv),
      marker: this.marker,
      mark: this.#mark,
      shellMark: this.#shellMark,
      ...(this.#endMark === undefined ? {} : { endMark: this.#endMark }),
    });
  }

  /** Whether `sh` has begun: where it has not, nothing has run. */
  get begun(): boolean {
    return this.#out.passed > 1;
  }

  /** The login shell, as it says itself. */
  get shell(): LoginShell {
    return loginShell(this.#out.before(1));
  }

  /** What the login said in the place of running the command. */
  get loginSaid(): string {
    return [this.#err.before(0), this.#out.before(0)]
      .map((said) => said.trim())
      .filter((said) => said !== '')
      .join('; ');
  }

  /** Fails where sudo did not run the command. */
  checkSudo(host: string): void {
    if (this.sudo && this.begun && this.#err.passed < 2)
      throw new SudoError(host, this.#command.argv, this.#err.before(1));
  }

  running(
    session: SshSession,
    connection: Connection,
    options: { readonly where: string; readonly loginDeadline: number; readonly kill: () => Promise<void> },
  ): Running {
    const { where, loginDeadline, kill } = options;
    const errors = throughFrame(session.stderr, this.#err);
    const end = this.#endMark === undefined ? undefined : errors.pipe(new EndFrame(this.#endMark));
    return {
      stdin: session.stdin,
      stdout: throughFrame(session.stdout, this.#out),
      stderr: end ?? errors,
      login: {
        begun: this.#out.begun,
        deadline: loginDeadline,
        late: () =>
          new SshError(where, 'login', `it began no command within ${String(loginDeadline / 1000)} s`, {
            hint: 'look at what its login shell does at the start, or set connect_timeout of the host',
          }),
      },
      ended: end === undefined ? session.ended : session.ended.then((how) => this.#ending(how, end, connection, where)),
      kill,
    };
  }

  /** OpenSSH ends with 255 where the session did not come to be. */
  #notBegun(how: Awaited<SshSession['ended']>, connection: Connection, where: string): Awaited<SshSession['ended']> {
    const said = this.#err.before(0).trim();
    if (how.exitCode !== 255 || !/^(?:mux_client|Control|Session|ssh:|kex)/m.test(said)) return how;
    throw connection.lost ?? new SshError(where, 'channel', said, { refused: said.includes('Session open refused') });
  }

  async #ending(
    how: Awaited<SshSession['ended']>,
    end: EndFrame,
    connection: Connection,
    where: string,
  ): Promise<Awaited<SshSession['ended']>> {
    await finished(end, { writable: false }).catch(() => undefined);
    if (!this.begun) return this.#notBegun(how, connection, where);
    if (end.status === undefined)
      throw connection.lost ?? new SshError(where, 'connection', 'lost before the command ended');
    const signal = signalName(end.status - 128);
    return signal === undefined ? { exitCode: end.status, signal } : { exitCode: undefined, signal };
  }
}

/** The login runs no commands. */
export const loginRefusal = (where: string, said: string, exitCode: number | undefined): SshError =>
  new SshError(
    where,
    'login',
    `this login can't run commands: ${said === '' ? 'it said nothing' : `it said '${said}'`}${exitCode === undefined ? '' : ` (exit ${String(exitCode)})`}`,
  );
