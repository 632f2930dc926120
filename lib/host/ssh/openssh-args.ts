import type { HostSpec } from '../spec.js';
import { destination } from './config.js';
import type { SshTarget } from './target.js';

/** A value of an `-o` that ssh takes apart at spaces and expands. */
const quoted = (path: string): string => `"${path.replaceAll('%', '%%').replaceAll('"', String.raw`\"`)}"`;

export interface MasterOptions {
  readonly spec: HostSpec & { readonly address: string };
  readonly target: SshTarget;
  readonly configFile: string | undefined;
  /** Socket of the shared connection. */
  readonly control: string;
  /** Printed once the connection stands. */
  readonly ready: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** The way to the host, in the place of what ssh_config says. */
  readonly proxyCommand: string | undefined;
  /** Whether a passphrase is at hand. */
  readonly passphrase: boolean;
}

const asked = ({ spec, target, deadline, proxyCommand, passphrase }: MasterOptions): readonly string[] => [
  `StrictHostKeyChecking=${target.hostKey === 'strict' ? 'yes' : 'accept-new'}`,
  ...(spec.known_hosts === undefined
    ? []
    : [`UserKnownHostsFile=${target.knownHosts.map(quoted).join(' ')}`, 'GlobalKnownHostsFile=none']),
  ...(spec.identity === undefined ? [] : target.identities.map((file) => `IdentityFile=${quoted(file)}`)),
  ...(spec.agent === false ? ['IdentityAgent=none'] : []),
  ...(proxyCommand === undefined ? [] : ['ProxyJump=none', `ProxyCommand=${proxyCommand}`]),
  `ConnectTimeout=${String(Math.ceil(deadline / 1000))}`,
  // With a passphrase a program of ours answers, and nobody else is asked.
  ...(passphrase
    ? ['BatchMode=no', 'PasswordAuthentication=no', 'KbdInteractiveAuthentication=no', 'NumberOfPasswordPrompts=1']
    : ['BatchMode=yes']),
];

/** What a user's ssh_config may have that is for people at a terminal. */
const nothingElse = [
  'ClearAllForwardings=yes',
  'ForwardAgent=no',
  'ForwardX11=no',
  'Tunnel=no',
  'RequestTTY=no',
  'RemoteCommand=none',
  'UpdateHostKeys=no',
  'VisualHostKey=no',
  // Below it ssh does not say why a handshake failed.
  'LogLevel=INFO',
];

/** Arguments of the `ssh` that holds a connection for others to share. */
export const masterArgs = (options: MasterOptions): readonly string[] => {
  const { spec, configFile, control, ready } = options;
  const kept = ['ControlMaster=yes', 'ControlPersist=no', 'ServerAliveInterval=10', 'ServerAliveCountMax=3'];
  const told = ['PermitLocalCommand=yes', `LocalCommand=echo ${ready}`];
  const settings = [...asked(options), ...nothingElse, ...kept, ...told];
  return ['-N', '-S', control, ...settings.flatMap((setting) => ['-o', setting]), ...destination(spec, configFile)];
};

/** Arguments that make an `ssh` use the shared connection, and never make one itself. */
export const sharingArgs = (control: string): readonly string[] => [
  ...['-F', 'none', '-S', control],
  ...['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false', '-o', 'BatchMode=yes', '-o', 'LogLevel=ERROR'],
];
