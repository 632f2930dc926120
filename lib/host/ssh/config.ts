import { execFile } from 'node:child_process';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kvm4nfvError, messageOf } from '../../error.js';
import { aborted } from '../command.js';
import type { HostSpec } from '../spec.js';

/** How a host is reached: what the suite says, and what ssh_config says where the suite is silent. */
export interface SshTarget {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Private key files that may be there. */
  readonly identities: readonly string[];
  /** Socket of the agent. */
  readonly agent: string | undefined;
  /** Hosts to go through, the first first, as `user@host:port`. */
  readonly jumps: readonly string[];
  readonly knownHosts: readonly string[];
  /** The name under which its key is known. */
  readonly keyName: string;
  readonly hashKnownHosts: boolean;
}

export const expandHome = (path: string): string =>
  path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;

/** Reads what `ssh -G` prints: `keyword value` lines, some of them repeated. */
export const parseSshConfig = (text: string): ReadonlyMap<string, readonly string[]> => {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line.trim()) ?? [];
    if (key === undefined || value === undefined) continue;
    const before = values.get(key);
    if (before === undefined) values.set(key, [value]);
    else before.push(value);
  }
  return values;
};

const defaultIdentities = ['id_ed25519', 'id_ecdsa', 'id_rsa'].map((name) => `~/.ssh/${name}`);

/** What `ssh -G` said, by its arguments: it takes 10 ms, and a suite may have many hosts behind one address, or one jump host. */
const answers = new Map<string, ReadonlyMap<string, readonly string[]>>();

export interface ResolveOptions {
  /** In the place of the user's ssh_config. */
  readonly configFile?: string;
  readonly signal?: AbortSignal;
}

const ask = async (
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const { stdout } = await promisify(execFile)('ssh', args, { timeout: 10_000, signal });
  return parseSshConfig(stdout);
};

/** The effective ssh_config for a host; empty where there is no ssh. */
const effectiveConfig = async (
  spec: HostSpec & { readonly address: string },
  { configFile, signal }: ResolveOptions,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const args = [
    '-G',
    ...(configFile === undefined ? [] : ['-F', configFile]),
    ...(spec.port === undefined ? [] : ['-p', String(spec.port)]),
    ...(spec.user === undefined ? [] : ['-l', spec.user]),
    '--',
    spec.address,
  ];
  const key = JSON.stringify(args);
  try {
    const config = answers.get(key) ?? (await ask(args, signal));
    answers.set(key, config);
    return config;
  } catch (error) {
    if (signal?.aborted === true) throw aborted(`${spec.address}: reading ssh_config`, signal);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw new Kvm4nfvError('usage', `ssh_config can't be read for ${spec.address}: ${messageOf(error)}`, {
      cause: error,
      hint: `see what 'ssh -G ${spec.address}' says`,
    });
  }
};

const set = (value: string | undefined): string | undefined =>
  value === undefined || value === 'none' || value === '' ? undefined : value;

const agentOf = (spec: HostSpec, configured: string | undefined): string | undefined => {
  if (spec.agent === false || configured === 'none') return undefined;
  const socket =
    configured === undefined || configured === 'SSH_AUTH_SOCK'
      ? process.env['SSH_AUTH_SOCK']
      : expandHome(
          configured.startsWith('$') ? (process.env[configured.replace(/^\$\{?|\}$/g, '')] ?? '') : configured,
        );
  return set(socket);
};

/** What the suite says of a host, completed from ssh_config by `ssh -G`, which knows its aliases, `Match` and `Include`. */
export const resolveTarget = async (
  spec: HostSpec & { readonly address: string },
  options: ResolveOptions = {},
): Promise<SshTarget> => {
  const config = await effectiveConfig(spec, options);
  const one = (key: string): string | undefined => set(config.get(key)?.[0]);
  const proxy = one('proxycommand');
  if (proxy !== undefined && spec.jump === undefined)
    throw new Kvm4nfvError(
      'usage',
      `ssh_config has ProxyCommand for ${spec.address}, which is not supported: ${proxy}`,
      { hint: 'use ProxyJump, or jump: in the suite' },
    );
  const address = one('hostname') ?? spec.address;
  const files =
    spec.known_hosts === undefined
      ? [one('userknownhostsfile') ?? '~/.ssh/known_hosts', one('globalknownhostsfile') ?? '/etc/ssh/ssh_known_hosts']
      : [spec.known_hosts];
  return {
    address,
    port: spec.port ?? Number(one('port') ?? 22),
    user: spec.user ?? one('user') ?? userInfo().username,
    identities: (config.get('identityfile') ?? defaultIdentities).filter((file) => file !== 'none').map(expandHome),
    agent: agentOf(spec, config.get('identityagent')?.[0]),
    jumps: one('proxyjump')?.split(',') ?? [],
    knownHosts: (spec.known_hosts === undefined ? files.flatMap((list) => list.split(' ')) : files).map(expandHome),
    keyName: one('hostkeyalias') ?? address,
    hashKnownHosts: one('hashknownhosts') === 'yes',
  };
};
