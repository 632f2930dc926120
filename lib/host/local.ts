import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { Kvm4nfvError, messageOf } from '../error.js';
import { CommandHost } from './command-host.js';
import { aborted, commandGrace, newMark, newMarker, wrapCommand, type Command } from './command.js';
import { Frame, throughFrame } from './frame.js';
import { UnreachableError, type Endpoint, type ExecResult, type Host } from './host.js';
import { inheritedEnvironment } from './local-environment.js';
import { reapScript } from './reap-script.js';
import { SudoError } from './sudo.js';
import { supervise, type Running } from './supervise.js';

/** Ends the command's process group and all that carries its marker; through sudo where some of them are root's. */
const reap = async (child: ChildProcess, marker: string, sudo: boolean): Promise<void> => {
  const script = ['sh', '-c', reapScript, 'sh', marker, String(child.pid), String(commandGrace / 10)];
  const [file = '', ...args] = sudo ? ['sudo', '-n', '--', ...script] : script;
  await once(
    spawn(file, args, { stdio: 'ignore', detached: true, env: inheritedEnvironment(), timeout: 60_000 }),
    'exit',
  ).catch(() => child.kill('SIGKILL'));
  // What still holds the other end of the pipes is none of the command's.
  for (const stream of child.stdio) stream?.destroy();
};

class LocalHost extends CommandHost implements Host {
  readonly name: string;
  readonly transport = 'local';
  readonly #run: string | undefined;
  readonly #before = process.cpuUsage();

  constructor(name: string, run: string | undefined) {
    super();
    this.name = name;
    this.#run = run;
  }

  async run(command: Command): Promise<ExecResult> {
    if (command.signal?.aborted === true) throw aborted(`${this.name}: ${command.argv[0] ?? ''}`, command.signal);
    const marker = newMarker(command.waits === true ? undefined : this.#run);
    const sudo = command.root === true && process.geteuid?.() !== 0 ? newMark() : undefined;
    const [file = '', ...args] = wrapCommand(command, { sudo, marker });
    const input = command.stdin !== undefined || command.input !== undefined ? 'pipe' : 'ignore';
    // A session of its own, so that Ctrl-C at our terminal does not reach it and a timeout reaches its children.
    const child = spawn(file, args, { env: inheritedEnvironment(), detached: true, stdio: [input, 'pipe', 'pipe'] });
    const closed = once(child, 'close') as Promise<[number | null, string | null]>;
    const sudoFrame = sudo === undefined ? undefined : new Frame([sudo]);
    const stderr = child.stderr ?? new PassThrough().end();
    const running: Running = {
      stdin: child.stdin,
      stdout: child.stdout ?? new PassThrough().end(),
      stderr: sudoFrame === undefined ? stderr : throughFrame(stderr, sudoFrame),
      ended: closed.then(
        ([code, signal]) => ({ exitCode: code ?? undefined, signal: signal ?? undefined }),
        (error: unknown) => {
          throw new Kvm4nfvError('E_CANNOT_START', `${this.name}: ${file} can't be started: ${messageOf(error)}`, {
            cause: error,
          });
        },
      ),
      kill: () => reap(child, marker, sudo !== undefined),
    };
    const result = await supervise(this.name, command, running, (question) => this.run(question));
    if (sudoFrame !== undefined && sudoFrame.passed < 1)
      throw new SudoError(this.name, command.argv, sudoFrame.before(0));
    return result;
  }

  async connect(endpoint: Endpoint, options: { readonly signal?: AbortSignal } = {}): Promise<Duplex> {
    const socket = connect('path' in endpoint ? { path: endpoint.path } : { ...endpoint, noDelay: true });
    try {
      await once(socket, 'connect', options);
      return socket;
    } catch (error) {
      socket.destroy();
      const where = 'path' in endpoint ? endpoint.path : `${endpoint.host} port ${String(endpoint.port)}`;
      if (options.signal?.aborted === true) throw aborted(`connecting to ${where}`, options.signal);
      throw new UnreachableError(`${this.name}: can't connect to ${where}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The whole of this process, since the host was opened: where kvm4nfv runs on the SUT, all of it disturbs. */
  overhead(): Promise<number> {
    const { user, system } = process.cpuUsage(this.#before);
    return Promise.resolve((user + system) * 1000);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

/** This machine. Commands run in sessions of their own and are ended with all their children. */
export const localHost = (name = 'local', options: { readonly run?: string } = {}): Host =>
  new LocalHost(name, options.run);
