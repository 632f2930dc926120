import { randomUUID } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { Kvm4nfvError } from '../error.js';
import { briefly, CommandError, type ExecOptions, type ExecResult } from './host.js';
import { assertTrusted } from './trust.js';

/** What a transport runs: {@link ExecOptions}, and what only we ourselves ask for. */
export interface Command extends ExecOptions {
  readonly argv: readonly string[];
  /** Standard input as it comes, in the place of `stdin`. */
  readonly input?: () => Readable;
  /** Takes standard output, which is then not in the result. */
  readonly output?: () => Writable;
  /** May run twice: it is repeated when the connection is lost meanwhile. */
  readonly repeatable?: boolean;
  /** It blocks for long and must not take the place of short commands. */
  readonly waits?: boolean;
  /** Milliseconds that each try of it may take, where it has no `timeout` from the first on. Default: {@link longestCommand}. */
  readonly longest?: number;
  /** Its time is what it is, also where the machine is slow. */
  readonly strict?: boolean;
}

export const defaultMaxOutput = 8 * 1024 * 1024;
/** Between TERM and KILL of a command that took too long or is no longer wanted. */
export const commandGrace = 1000;

const markerName = 'KVM4NFV_EXEC';

/** What the markers of all commands of a run begin with. */
export const markersOf = (run: string): string => `${markerName}=${run}/`;

/** A name that finds all processes of one command: an environment variable which children inherit. */
export const newMarker = (run?: string): string =>
  `${run === undefined ? `${markerName}=` : markersOf(run)}${randomUUID()}`;

const checkArgv = (argv: readonly string[]): void => {
  if (argv[0] === undefined || argv[0] === '' || argv[0].startsWith('-') || argv[0].includes('='))
    throw new Kvm4nfvError('E_NOT_A_COMMAND', `not a command: ${JSON.stringify(argv)}`);
  const nul = argv.find((word) => word.includes('\0'));
  if (nul !== undefined)
    throw new Kvm4nfvError('E_NOT_A_COMMAND', `an argument of ${argv[0]} holds a NUL byte: ${JSON.stringify(nul)}`);
};

const assignments = (env: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(env).map(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes('\0'))
      throw new Kvm4nfvError('E_NOT_A_COMMAND', `not an environment variable: ${JSON.stringify(name)}`);
    return `${name}=${value}`;
  });

/** sudo may warn and run the command all the same: what comes before the mark on standard error is sudo's. */
const afterSudo = 'printf %s "$0" >&2; exec "$@"';

/**
 * The argv that runs a command with its environment, through sudo where needed: `sudo` is then the mark that parts what sudo
 * says from what the command says. The locale is C, for parsers; `env` and not the shell sets it, for login shells that are none
 * of POSIX, and behind sudo, which clears the environment.
 */
export const wrapCommand = (
  command: Command,
  options: { readonly sudo: string | undefined; readonly marker: string },
): readonly string[] => {
  checkArgv(command.argv);
  const directory = command.cwd === undefined ? [] : ['-C', command.cwd];
  const withEnv = [
    'env',
    ...directory,
    ...assignments({ LC_ALL: 'C', ...command.env }),
    options.marker,
    ...command.argv,
  ];
  return options.sudo === undefined ? withEnv : ['sudo', '-n', '--', 'sh', '-c', afterSudo, options.sudo, ...withEnv];
};

/** A word that stands in no output by accident. */
export const newMark = (): string => `kvm4nfv${randomUUID().replaceAll('-', '')}`;

/** Throws {@link CommandError} for a command that failed, unless `check` is false. */
export const checkResult = (host: string, result: ExecResult, check = true): ExecResult => {
  if (!check || result.exitCode === 0) return result;
  assertTrusted(host, result);
  if (result.exitCode === 127)
    throw new CommandError(host, result, `install '${result.argv[0] ?? ''}' on ${host}`, 'E_COMMAND_MISSING');
  throw new CommandError(host, result);
};

/** `allowed`: how long it was given, in words. */
export const timedOut = (host: string, command: Command, allowed: string): Kvm4nfvError =>
  new Kvm4nfvError(
    'E_TIMEOUT',
    `${host}: ${briefly(command.argv.slice(0, 6))}: ended because it took longer than ${allowed}`,
  );

/** `taken`: bytes. */
export const floods = (host: string, command: Command, taken: number): Kvm4nfvError =>
  new Kvm4nfvError(
    'E_ANSWER',
    `${host}: ${briefly(command.argv.slice(0, 6))}: ended because it said more than ${String(taken)} bytes`,
  );

/** The error of something that was given up because its signal asked for it. */
export const aborted = (what: string, signal: AbortSignal): Error => {
  const reason: unknown = signal.reason;
  return Kvm4nfvError.is(reason) ? reason : new Kvm4nfvError('interrupted', `${what}: interrupted`, { cause: reason });
};
