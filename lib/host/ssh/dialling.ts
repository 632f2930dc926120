import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import type { Duplex } from 'node:stream';
import { Kvm4nfvError, messageOf } from '../../error.js';
import type { Host } from '../host.js';
import type { HostSpec } from '../spec.js';
import { credentials } from './auth.js';
import { SshConnection } from './connection.js';
import { SshError } from './error.js';
import { certifies, type HostKeyPolicy } from './host-keys.js';
import { OpenSshConnection } from './openssh-connection.js';
import { openProxyCommand } from './proxy-command.js';
import type { Connection } from './session.js';
import type { SshTarget } from './target.js';

export interface Dialling {
  readonly where: string;
  readonly spec: HostSpec & { readonly address: string };
  readonly target: SshTarget;
  readonly hostKeys: HostKeyPolicy;
  readonly deadline: number;
  readonly configFile: string | undefined;
  readonly privateKey: string | undefined;
  /** Connects from this host. */
  readonly from: Host | undefined;
}

const streamThrough = async (
  from: Host,
  where: string,
  { address, port }: SshTarget,
  signal: AbortSignal,
): Promise<Duplex> => {
  try {
    return await from.connect({ host: address, port }, { signal });
  } catch (error) {
    if (signal.aborted || (error instanceof SshError && !error.refused)) throw error;
    throw new SshError(where, 'connect', `through ${from.name}: ${messageOf(error)}`, { cause: error });
  }
};

/** The way to a host, where it is no plain TCP connection; what a ProxyCommand says is told with what fails behind it. */
const wayTo = (
  { where, target, from }: Dialling,
  ready: Duplex | undefined,
): { readonly stream?: (signal: AbortSignal) => Promise<Duplex>; readonly said: () => Promise<string> } => {
  const { proxyCommand } = target;
  const nothing = (): Promise<string> => Promise.resolve('');
  if (ready !== undefined) return { stream: () => Promise.resolve(ready), said: nothing };
  if (from !== undefined) return { stream: (signal) => streamThrough(from, where, target, signal), said: nothing };
  if (proxyCommand === undefined) return { said: nothing };
  let said = nothing;
  return {
    stream: () => {
      const proxy = openProxyCommand(proxyCommand);
      said = proxy.said;
      return Promise.resolve(proxy.stream);
    },
    said: () => said(),
  };
};

const bySsh2 = async (
  dialling: Dialling,
  ready: Duplex | undefined,
  signal: AbortSignal | undefined,
): Promise<Connection> => {
  const { where, spec, target, hostKeys, deadline, privateKey } = dialling;
  const { address, port, user, family, bindAddress, algorithms } = target;
  const { stream, said } = wayTo(dialling, ready);
  const shown = await credentials(where, spec, target, privateKey);
  try {
    return await SshConnection.open({
      ...{ where, address, port, user, family, bindAddress, algorithms, hostKeys, deadline, signal },
      ...shown,
      ...(stream === undefined ? {} : { stream }),
    });
  } catch (error) {
    const words = error instanceof SshError ? await said() : '';
    throw error instanceof SshError && words !== '' ? error.with(`ProxyCommand said '${words}'`) : error;
  }
};

const byOpenSsh = (
  { where, spec, target, deadline, configFile, from }: Dialling,
  signal: AbortSignal | undefined,
): Promise<Connection> =>
  OpenSshConnection.open({
    ...{ where, spec, target, deadline, configFile, signal },
    ...(from === undefined ? {} : { stream: (at: AbortSignal) => streamThrough(from, where, target, at) }),
  });

/** Of the ways to authenticate that only OpenSSH has, those that may lead anywhere here. */
const mayStill = ({ furtherWays, identities }: SshTarget): boolean =>
  (furtherWays.includes('gssapiauthentication') &&
    (process.env['KRB5CCNAME'] !== undefined || existsSync(`/tmp/krb5cc_${String(userInfo().uid)}`))) ||
  furtherWays.includes('hostbasedauthentication') ||
  identities.some((file) => file.endsWith('_sk') && existsSync(file));

/** What of the host's configuration asks for OpenSSH itself. */
const beyond = async ({ target, hostKeys }: Dialling): Promise<readonly string[]> => [
  ...target.beyond,
  ...((await certifies(hostKeys)) ? ['@cert-authority in known_hosts'] : []),
];

/** Makes connections to one host, and remembers by which way. `ready`: a stream to it that is open already. */
export const dialler = (
  dialling: Dialling,
  ready: Duplex | undefined,
): ((signal: AbortSignal | undefined) => Promise<Connection>) => {
  const { spec, privateKey, hostKeys, where } = dialling;
  let open = ready;
  // What we made ourselves, with keys of ours, needs nothing of ssh_config.
  const ours = privateKey !== undefined || hostKeys.pinned !== undefined;
  let transport = ours ? 'ssh2' : (spec.transport ?? 'auto');
  return async (signal) => {
    const first = open;
    open = undefined;
    if (transport !== 'openssh' && !ours) {
      const lacking = await beyond(dialling);
      if (lacking.length > 0 && transport === 'ssh2')
        throw new Kvm4nfvError(
          'E_SSH_CONFIG',
          `${where}: ssh_config asks for ${lacking.join(', ')}, which transport: ssh2 can't do`,
          {
            hint: 'leave transport out, or set transport: openssh',
          },
        );
      if (lacking.length > 0) transport = 'openssh';
    }
    if (transport === 'openssh') return byOpenSsh(dialling, signal);
    try {
      return await bySsh2(dialling, first, signal);
    } catch (error) {
      const again =
        transport === 'auto' &&
        error instanceof SshError &&
        (error.incompatible || (error.stage === 'authentication' && mayStill(dialling.target)));
      if (!again) throw error;
      const connection = await byOpenSsh(dialling, signal).catch((other: unknown) => {
        throw error.incompatible || other instanceof SshError ? error : other;
      });
      transport = 'openssh';
      return connection;
    }
  };
};
