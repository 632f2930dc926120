import { setTimeout as sleep } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import { Kvm4nfvError } from '../../error.js';
import { CommandHost } from '../command-host.js';
import { aborted, commandGrace, type Command } from '../command.js';
import { HostGoneError, type Endpoint, type ExecResult, type Host } from '../host.js';
import { reapScript } from '../reap-script.js';
import { SshError } from './error.js';
import { Lines, type Line } from './lines.js';
import { LoginCommand, loginRefusal } from './login.js';
import type { LoginShell } from './login-line.js';
import type { Connection } from './session.js';
import { supervise } from '../supervise.js';

/** How long a lost connection is tried again: for a short command, and for a wait without a deadline. */
const patience = { command: 30_000, wait: 600_000 };
const firstDelay = 200;
const longestDelay = 5000;
const settling = 500;
const reapDeadline = commandGrace + 10_000;

/** Adds up the CPU time of the sshd processes above us, up to the one that listens. */
const overheadScript = String.raw`
pid=$PPID
sum=0
up() { while read -r key value; do [ "$key" = PPid: ] && break; done <"/proc/$pid/status"; pid=$value; }
# A login shell and what it waits for may stand between.
while read -r name <"/proc/$pid/comm"; do
  case $name in sshd*) break ;; esac
  up
done
while read -r name <"/proc/$pid/comm"; do
  case $name in sshd*) ;; *) break ;; esac
  read -r line <"/proc/$pid/cmdline" || :
  case $line in *"[listener]"* | *"/sshd"*) break ;; esac
  read -r used rest <"/proc/$pid/schedstat" && sum=$((sum + used))
  up
done
echo "$sum"
`;

export interface SshHostOptions {
  readonly name: string;
  /** For messages: the host's name and address. */
  readonly where: string;
  readonly user: string;
  readonly run?: string;
  dial(signal: AbortSignal | undefined): Promise<Connection>;
  /** Milliseconds until a login shell must have begun a command. */
  readonly loginDeadline: number;
  /** What must be closed with the host: the jump host. */
  readonly owned: readonly AsyncDisposable[];
  /** Why the host will not come back, where that is known. */
  readonly gone?: () => Promise<string | undefined>;
}

interface Attempt {
  /** The command may have run. */
  ran: boolean;
  /** No further try will go better. */
  shut: boolean;
}

/** A host behind SSH. A lost connection is made again; only what may run twice is repeated then. */
export class SshHost extends CommandHost implements Host {
  readonly name: string;
  readonly transport = 'ssh';
  readonly #options: SshHostOptions;
  readonly #lines = new Lines();
  /** Of connections that are gone, and of those that live as last seen. */
  readonly #used = new Map<Connection, number>();
  /** Found out by the first command. */
  #shell: LoginShell = 'unknown';
  #closed = false;
  #gone: string | undefined;

  constructor(options: SshHostOptions, first: Connection) {
    super();
    this.name = options.name;
    this.#options = options;
    const [line] = this.#lines.all;
    if (line !== undefined) line.connection = Promise.resolve(first);
  }

  async run(command: Command): Promise<ExecResult> {
    const limit = command.timeout ?? (command.waits === true ? patience.wait : patience.command);
    let until = Date.now() + limit;
    if (this.#gone !== undefined) throw new HostGoneError(`${this.name}: ${this.#gone}`);
    for (let delay = firstDelay; ; delay = Math.min(2 * delay, longestDelay)) {
      const left = command.timeout === undefined ? {} : { timeout: Math.max(1, until - Date.now()) };
      const attempt: Attempt = { ran: false, shut: false };
      try {
        return await this.#lines.use(command.waits ?? false, (line) =>
          this.#runOn(line, { ...command, ...left }, attempt),
        );
      } catch (error) {
        await this.#throwIfGone(error);
        const again = error instanceof SshError && error.passing && (!attempt.ran || command.repeatable === true);
        if (!again || attempt.shut || this.#closed) {
          // What has just ended may not look so yet.
          if (this.#options.gone !== undefined && error instanceof SshError) {
            await sleep(settling);
            await this.#throwIfGone(error);
          }
          throw error;
        }
        // Patience counts from the loss; a deadline of the caller's counts from the start.
        if (attempt.ran && command.timeout === undefined) until = Date.now() + limit;
        if (Date.now() + delay > until) throw error;
        await this.#pause(delay, command.signal);
      }
    }
  }

  async #throwIfGone(error: unknown): Promise<void> {
    if (!(error instanceof SshError) || this.#closed) return;
    this.#gone ??= await this.#options.gone?.().catch(() => undefined);
    if (this.#gone !== undefined) throw new HostGoneError(`${this.name}: ${this.#gone}`, { cause: error });
  }

  async #pause(delay: number, signal: AbortSignal | undefined): Promise<void> {
    await sleep(delay, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throw signal === undefined ? error : aborted(`${this.name}: reconnecting`, signal);
    });
  }

  /** The line's connection, made anew where it was lost. Several that ask at once get the same one. */
  async #connected(line: Line, signal?: AbortSignal): Promise<Connection> {
    if (this.#closed) throw new Kvm4nfvError('internal', `${this.name}: used after it was closed`);
    const known = line.connection;
    const before = await known?.catch(() => undefined);
    if (before !== undefined && before.lost === undefined) return before;
    if (signal?.aborted === true) throw aborted(`${this.name}: connecting`, signal);
    // Whoever comes first dials; without a signal, since others wait for it too.
    if (line.connection === known) line.connection = this.#options.dial(undefined);
    const connection = line.connection;
    if (connection === undefined) throw new Kvm4nfvError('internal', `${this.name}: no connection`);
    return connection;
  }

  async #runOn(line: Line, command: Command, attempt: Attempt): Promise<ExecResult> {
    const first = await this.#try(line, command, attempt, this.#shell);
    if (first.login.begun) {
      if (this.#shell === 'unknown') this.#shell = first.login.shell;
      return first.result;
    }
    // Nothing has run.
    const second = this.#shell === 'restricted' ? first : await this.#try(line, command, attempt, 'restricted');
    if (!second.login.begun) throw loginRefusal(this.#options.where, first.login.loginSaid, first.result.exitCode);
    this.#shell = 'restricted';
    return second.result;
  }

  async #try(
    line: Line,
    command: Command,
    attempt: Attempt,
    shell: LoginShell,
  ): Promise<{ login: LoginCommand; result: ExecResult }> {
    const what = `${this.name}: ${command.argv[0] ?? ''}`;
    if (command.signal?.aborted === true) throw aborted(what, command.signal);
    const { where, user, run, loginDeadline } = this.#options;
    const connection = await this.#connected(line, command.signal);
    const sudo = command.root === true && user !== 'root';
    const login = new LoginCommand(command, { run, sudo, tellsExit: connection.tellsExit });
    // A connection that is lost while it is asked may have carried the command over; only a refusal is certain.
    attempt.ran = true;
    const refused = (error: unknown): never => {
      attempt.ran = !(error instanceof SshError && error.refused);
      if (!attempt.ran) this.#lines.refused(line);
      attempt.shut = this.#lines.isShut(line);
      throw error;
    };
    const session = await connection.exec(login.line(shell)).catch(refused);
    const kill = async (): Promise<void> => {
      await this.#reap(connection, login).catch(() => undefined);
      session.hangUp();
    };
    const running = login.running(session, connection, { where, loginDeadline, kill });
    // Outside of the queue, as below.
    const ask = (question: Command): Promise<ExecResult> => this.#runOn(line, question, { ran: false, shut: false });
    const result = await supervise(this.name, command, running, ask).catch(refused);
    this.#lines.opened(line);
    login.checkSudo(this.name);
    return { login, result };
  }

  /** Outside of the queue, which may be full of just what is to be ended; where sshd allows no further session, on a connection of its own. */
  async #reap(connection: Connection, login: LoginCommand): Promise<void> {
    const own = this.#lines.spare ? undefined : await this.#options.dial(undefined);
    try {
      const argv = ['sh', '-c', reapScript, 'sh', login.marker, '', String(commandGrace / 10)];
      const command = new LoginCommand(
        { argv, root: login.sudo },
        { run: undefined, sudo: login.sudo, tellsExit: true },
      );
      const session = await (own ?? connection).exec(command.line(this.#shell));
      session.stdout.resume();
      session.stderr.resume();
      session.stdin.end();
      const timer = setTimeout(() => {
        session.hangUp();
      }, reapDeadline);
      await session.ended.finally(() => {
        clearTimeout(timer);
      });
    } finally {
      await own?.close();
    }
  }

  async connect(endpoint: Endpoint, options: { readonly signal?: AbortSignal } = {}): Promise<Duplex> {
    const [line] = this.#lines.all;
    if (line === undefined) throw new Kvm4nfvError('internal', `${this.name}: no connection`);
    const connection = await this.#connected(line, options.signal);
    const stream = await connection.forward(endpoint);
    if (options.signal?.aborted !== true) return stream;
    stream.destroy();
    throw aborted(`${this.name}: connecting`, options.signal);
  }

  /** CPU time of the sshd processes of our connections, as far as the kernel tells; of a lost one, as last seen. */
  async overhead(): Promise<number> {
    try {
      return await this.#readOverhead();
    } catch (error) {
      await this.#throwIfGone(error);
      throw error;
    }
  }

  async #readOverhead(): Promise<number> {
    for (const line of this.#lines.all) {
      const connection = await line.connection?.catch(() => undefined);
      if (connection === undefined || connection.lost !== undefined) continue;
      const { stdout } = await this.#runOn(
        line,
        { argv: ['sh', '-c', overheadScript], timeout: 10_000 },
        { ran: false, shut: false },
      );
      this.#used.set(connection, Number(stdout.trim()));
    }
    return [...this.#used.values()].reduce((sum, used) => sum + used, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await Promise.all(
      this.#lines.all.map(async ({ connection }) => (await connection?.catch(() => undefined))?.close()),
    );
    for (const owned of this.#options.owned) await owned[Symbol.asyncDispose]();
  }
}
