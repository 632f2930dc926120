import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { parseDuration } from '../../measure/fields.js';
import type { HostSpec } from '../spec.js';
import { allowedAlgorithms, beyondSsh2, furtherWays } from './beyond.js';
import { effectiveConfig, type ResolveOptions, type SshConfig } from './config.js';
import { expandTokens, type Tokens } from './tokens.js';

/** How a host is reached: what the suite says, and what ssh_config says where the suite is silent. */
export interface SshTarget {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Key files that may be there: private ones, or public ones of keys that the agent holds. */
  readonly identities: readonly string[];
  /** Of the agent's keys only those of `identities` are shown. */
  readonly identitiesOnly: boolean;
  /** Socket of the agent. */
  readonly agent: string | undefined;
  /** Hosts to go through, the first first, as `user@host:port`. */
  readonly jumps: readonly string[];
  /** A command that is the way to the host. */
  readonly proxyCommand: string | undefined;
  readonly knownHosts: readonly string[];
  /** The name and port under which its key is known; an alias has no port. */
  readonly keyName: string;
  readonly keyPort: number;
  readonly hashKnownHosts: boolean;
  readonly hostKey: 'strict' | 'accept-new';
  /** Of the addresses of a name, those that are tried; 0 for all. */
  readonly family: 0 | 4 | 6;
  readonly bindAddress: string | undefined;
  /** Milliseconds, where somebody said. */
  readonly connectTimeout: number | undefined;
  readonly algorithms: {
    readonly kex: readonly string[];
    readonly cipher: readonly string[];
    readonly hmac: readonly string[];
    readonly serverHostKey: readonly string[];
    readonly publicKey: readonly string[];
  };
  /** What only OpenSSH itself can do of what ssh_config asks for. */
  readonly beyond: readonly string[];
  /** Ways to authenticate that OpenSSH has besides. */
  readonly furtherWays: readonly string[];
}

/** `~` of a suite is HOME, as in a shell. */
export const expandHome = (path: string): string =>
  path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;

const defaultIdentities = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => `~/.ssh/${name}`);

/**
 * A list of file names as `ssh -G` prints it, where nothing tells a space in a name from one between names: of the ways to
 * part it, the longest names that are there.
 */
export const partFiles = (text: string, exists: (file: string) => boolean): readonly string[] => {
  const words = text.split(' ');
  const files: string[] = [];
  for (let start = 0; start < words.length;) {
    const ends = Array.from({ length: words.length - start }, (_, index) => words.length - index);
    const end = ends.find((at) => exists(words.slice(start, at).join(' '))) ?? start + 1;
    files.push(words.slice(start, end).join(' '));
    start = end;
  }
  return files;
};

const agentOf = (spec: HostSpec, config: SshConfig, tokens: Tokens): string | undefined => {
  if (spec.agent === false || config.refuses('identityagent')) return undefined;
  const named = config.one('identityagent') ?? 'SSH_AUTH_SOCK';
  const variable = named === 'SSH_AUTH_SOCK' ? named : /^\$([A-Za-z_]\w*)$/.exec(named)?.[1];
  const socket = variable === undefined ? expandTokens(named, tokens) : process.env[variable];
  return socket === '' ? undefined : socket;
};

const knownHostsOf = (spec: HostSpec, config: SshConfig, tokens: Tokens): readonly string[] => {
  if (spec.known_hosts !== undefined) return [expandHome(spec.known_hosts)];
  const users = config.one('userknownhostsfile') ?? '~/.ssh/known_hosts';
  const globals = config.one('globalknownhostsfile') ?? '/etc/ssh/ssh_known_hosts';
  const there = (file: string): boolean => existsSync(expandTokens(file, tokens));
  return [...partFiles(users, there), ...partFiles(globals, there)].map((file) => expandTokens(file, tokens));
};

const families: Readonly<Record<string, 0 | 4 | 6>> = { inet: 4, inet6: 6 };

const hostKeyOf = (spec: HostSpec, config: SshConfig): SshTarget['hostKey'] =>
  // `no` would take a changed key too: that we never do.
  spec.host_key ?? (config.is('stricthostkeychecking', 'accept-new', 'no', 'off', 'false') ? 'accept-new' : 'strict');

const timeoutOf = (spec: HostSpec, config: SshConfig): number | undefined => {
  if (spec.connect_timeout !== undefined) return (parseDuration(spec.connect_timeout) ?? 0) / 1e6;
  const seconds = Number(config.one('connecttimeout') ?? Number.NaN);
  return seconds > 0 ? seconds * 1000 : undefined;
};

/** What the suite says of a host, completed from ssh_config by `ssh -G`, which knows its aliases, `Match` and `Include`. */
export const resolveTarget = async (
  spec: HostSpec & { readonly address: string },
  options: ResolveOptions = {},
): Promise<SshTarget> => {
  const config = await effectiveConfig(spec, options);
  const address = config.one('hostname') ?? spec.address;
  const port = spec.port ?? Number(config.one('port') ?? 22);
  const user = spec.user ?? config.one('user') ?? userInfo().username;
  const keyAlias = config.one('hostkeyalias');
  const jump = config.one('proxyjump') ?? '';
  const tokens: Tokens = { given: spec.address, address, port, user, keyAlias, jump };
  const configured = config.known ? config.all('identityfile') : defaultIdentities;
  const identities = (spec.identity === undefined ? configured : []).map((file) => expandTokens(file, tokens));
  const named = spec.identity === undefined ? identities : [expandHome(spec.identity)];
  const proxy = spec.jump === undefined ? config.one('proxycommand') : undefined;
  return {
    address,
    port,
    user,
    identities: named,
    identitiesOnly: config.is('identitiesonly', 'yes'),
    agent: agentOf(spec, config, tokens),
    jumps: jump === '' ? [] : jump.split(','),
    proxyCommand: proxy === undefined ? undefined : expandTokens(proxy, tokens),
    knownHosts: knownHostsOf(spec, config, tokens),
    keyName: keyAlias ?? address,
    keyPort: keyAlias === undefined ? port : 22,
    hashKnownHosts: config.is('hashknownhosts', 'yes'),
    hostKey: hostKeyOf(spec, config),
    family: families[config.one('addressfamily') ?? ''] ?? 0,
    bindAddress: config.one('bindaddress'),
    connectTimeout: timeoutOf(spec, config),
    algorithms: {
      kex: allowedAlgorithms(config, 'kexalgorithms'),
      cipher: allowedAlgorithms(config, 'ciphers'),
      hmac: allowedAlgorithms(config, 'macs'),
      serverHostKey: allowedAlgorithms(config, 'hostkeyalgorithms'),
      publicKey: allowedAlgorithms(config, 'pubkeyacceptedalgorithms'),
    },
    beyond: beyondSsh2(config, named),
    furtherWays: furtherWays(config),
  };
};
