import type { ErrorCode } from '../../error.js';
import { UnreachableError } from '../host.js';

/** How far a connection got. */
export type SshStage =
  | 'resolve'
  | 'connect'
  | 'banner'
  | 'key exchange'
  | 'host key'
  | 'authentication'
  | 'login'
  | 'channel'
  | 'connection';

const hints: Readonly<Record<SshStage, string>> = {
  resolve: 'check the address in the suite, or the alias in ssh_config',
  connect: 'check address and port, that sshd runs there, and the firewalls between',
  banner: 'something listens there but does not talk SSH: check the port, or whether the host hangs',
  'key exchange': 'see the log of sshd; it may refuse us because of MaxStartups, or share no algorithm with us',
  'host key': 'make sure that it is the right host, then add its key to known_hosts',
  authentication: 'check user, identity and agent; an encrypted key takes its passphrase from KVM4NFV_PASSPHRASE',
  login:
    "give this user a login shell that runs commands: 'ssh HOST sh -c true' must work there; look at the files that the shell reads at the start",
  channel: 'see the log of sshd on the host (MaxSessions, limits of processes)',
  connection: 'check the network and whether the host still runs; detached jobs go on and can be attached to',
};

const codes: Readonly<Record<SshStage, ErrorCode>> = {
  resolve: 'E_SSH_RESOLVE',
  connect: 'E_SSH_CONNECT',
  banner: 'E_SSH_PROTOCOL',
  'key exchange': 'E_SSH_PROTOCOL',
  'host key': 'E_SSH_HOST_KEY',
  authentication: 'E_SSH_LOGIN',
  login: 'E_SSH_LOGIN_SHELL',
  channel: 'E_SSH_CHANNEL',
  connection: 'E_CONNECTION_LOST',
};

interface SshErrorOptions {
  readonly cause?: unknown;
  readonly hint?: string;
  readonly passing?: boolean;
  readonly refused?: boolean;
  readonly late?: boolean;
  readonly incompatible?: boolean;
}

/** An SSH host can't be reached, or was lost; says at which stage. */
export class SshError extends UnreachableError {
  readonly stage: SshStage;
  /** Whether another try may go better. */
  readonly passing: boolean;
  /** The host itself said no to a channel: nothing has run. */
  readonly refused: boolean;
  /** Nobody answered in time. */
  readonly late: boolean;
  /** Both sides have no algorithm in common: ours may not be all that this machine has. */
  readonly incompatible: boolean;
  readonly #where: string;
  readonly #what: string;
  readonly #options: SshErrorOptions;
  constructor(where: string, stage: SshStage, what: string, options: SshErrorOptions = {}) {
    super(`${where}: ${stage}: ${what}`, { hint: options.hint ?? hints[stage], cause: options.cause }, codes[stage]);
    this.#where = where;
    this.#what = what;
    this.#options = options;
    this.stage = stage;
    this.refused = options.refused ?? false;
    this.late = options.late ?? false;
    this.incompatible = options.incompatible ?? false;
    this.passing = options.passing ?? ['connect', 'banner', 'key exchange', 'channel', 'connection'].includes(stage);
  }

  /** The same error with more to say. */
  with(more: string): SshError {
    return new SshError(this.#where, this.stage, `${this.#what}; ${more}`, { ...this.#options, cause: this });
  }
}
