import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../host.js';
import type { HostSpec } from '../spec.js';
import { dialler } from './dialling.js';
import { SshError } from './error.js';
import { SshHost } from './host.js';
import type { HostKeyPolicy } from './host-keys.js';
import { parseJump } from './jumps.js';
import type { Connection } from './session.js';
import { resolveTarget, type SshTarget } from './target.js';

export { SshError, type SshStage } from './error.js';

export interface OpenSshOptions {
  /** The suite's hosts, for `jump`. */
  readonly hosts?: ReadonlyMap<string, HostSpec>;
  /** Connects from this host, in the place of `jump` and ProxyJump; it stays open. */
  readonly via?: Host;
  readonly signal?: AbortSignal;
  /** Run whose commands it gives: what a killed controller left of them is found by it. */
  readonly run?: string;
  /** The only host keys that are right, each `type base64`; no known_hosts file is read then. */
  readonly hostKeys?: readonly string[];
  /** Text of the only private key that is tried. */
  readonly privateKey?: string;
  /** In the place of the user's ssh_config. */
  readonly configFile?: string;
  /** Milliseconds until a connection must be ready. Default: 20 s. */
  readonly deadline?: number;
  /** A stream to the host's sshd that is open already: the first connection takes it. */
  readonly stream?: Duplex;
  /** Asked when a connection was lost or can't be made: why the host will not come back, where that is known. */
  readonly gone?: () => Promise<string | undefined>;
}

const defaultDeadline = 20_000;
/** A login shell reads files before each command, and a machine may be slow. */
const leastForLogin = 60_000;
/** sshd drops connections by chance while many are being made (MaxStartups); these tries are spread out at random. */
const firstTries = 4;

/** The host to connect from, freshly opened; undefined for this machine. */
const openJump = async (
  name: string,
  spec: HostSpec,
  target: SshTarget,
  options: OpenSshOptions,
  path: readonly string[],
): Promise<Host | undefined> => {
  if (spec.jump !== undefined) {
    const jump = options.hosts?.get(spec.jump);
    if (jump === undefined)
      throw new Kvm4nfvError('E_HOST', `host ${name}: there is no host '${spec.jump}' to jump through`);
    if (jump.address === undefined) return undefined;
    return open(spec.jump, jump, withoutKeys(options), path);
  }
  let via: Host | undefined;
  for (const text of target.jumps) {
    const hop = parseJump(text);
    const from = via;
    via = await open(
      `${name}:${text}`,
      hop,
      { ...withoutKeys(options), ...(from === undefined ? {} : { via: from }) },
      path,
      from,
    );
  }
  return via;
};

const ofTheLast: ReadonlySet<string> = new Set(['hostKeys', 'privateKey', 'stream', 'gone']);
/** What is meant for the last host and not for those on the way. */
const withoutKeys = (options: OpenSshOptions): OpenSshOptions =>
  Object.fromEntries(Object.entries(options).filter(([name]) => !ofTheLast.has(name)));

const hostKeyPolicy = (where: string, target: SshTarget, pinned: readonly string[] | undefined): HostKeyPolicy => ({
  where,
  host: target.keyName,
  port: target.keyPort,
  files: target.knownHosts,
  mode: target.hostKey,
  hashed: target.hashKnownHosts,
  ...(pinned === undefined ? {} : { pinned }),
});

const open = async (
  name: string,
  spec: HostSpec,
  options: OpenSshOptions,
  path: readonly string[],
  owned?: Host,
): Promise<Host> => {
  if (path.includes(name)) throw new Kvm4nfvError('E_HOST', `hosts jump in a circle: ${[...path, name].join(' -> ')}`);
  // ProxyJump of ssh_config names no hosts of the suite: a circle there shows in its length only.
  if (path.length > 16) throw new Kvm4nfvError('E_HOST', `more than 16 jumps: ${path.join(' -> ')}`);
  if (spec.address === undefined) throw new Kvm4nfvError('E_HOST', `host ${name} has no address`);
  const reached = { ...spec, address: spec.address };
  const target = await resolveTarget(reached, options);
  const where = `${name} (${target.user}@${target.address}:${String(target.port)})`;
  const jump = options.via === undefined ? await openJump(name, spec, target, options, [...path, name]) : undefined;
  const mine = [jump, owned].filter((host) => host !== undefined);
  const deadline = options.deadline ?? target.connectTimeout ?? defaultDeadline;
  const dial = dialler(
    {
      where,
      spec: reached,
      target,
      hostKeys: hostKeyPolicy(where, target, options.hostKeys),
      deadline,
      configFile: options.configFile,
      privateKey: options.privateKey,
      from: options.via ?? jump,
    },
    options.stream,
  );
  try {
    const first = await tryHard(() => dial(options.signal));
    const { gone, run } = options;
    return new SshHost(
      {
        ...{ name, where, user: target.user, dial, owned: mine, loginDeadline: Math.max(deadline, leastForLogin) },
        ...(gone === undefined ? {} : { gone }),
        ...(run === undefined ? {} : { run }),
      },
      first,
    );
  } catch (error) {
    for (const host of mine) await host[Symbol.asyncDispose]();
    throw error;
  }
};

const tryHard = async (dial: () => Promise<Connection>): Promise<Connection> => {
  for (let tries = 1; ; tries++) {
    try {
      return await dial();
    } catch (error) {
      const dropped =
        error instanceof SshError &&
        (error.stage === 'banner' || error.stage === 'key exchange') &&
        !error.late &&
        !error.incompatible;
      if (!dropped || tries >= firstTries) throw error;
      await sleep(tries * (100 + Math.random() * 300));
    }
  }
};

/**
 * Opens a host behind SSH: connects, checks its key, authenticates. What the spec leaves out comes from ssh_config.
 * {@link SshError} tells at which stage it failed, and what to do.
 */
export const openSshHost = (name: string, spec: HostSpec, options: OpenSshOptions = {}): Promise<Host> =>
  open(name, spec, options, []);
