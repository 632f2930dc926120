import ssh2, { type AnyAuthMethod, type ParsedKey } from 'ssh2';
import { messageOf } from '../../error.js';
import type { HostSpec } from '../spec.js';
import { keysOfAgent, SomeKeys } from './agent.js';
import { SshError } from './error.js';
import { parsePrivateKey, readKey, type FileKey } from './private-key.js';
import { expandHome, type SshTarget } from './target.js';

/** How we show who we are. */
export interface Credentials {
  readonly methods: readonly AnyAuthMethod[];
  /** What could not be used, for a refusal's message. */
  readonly notes: readonly string[];
}

/** Names of signature algorithms that a key of this type makes. */
const signaturesOf = (type: string): readonly string[] =>
  type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];

const agentKeys = async (
  socket: string | undefined,
): Promise<{
  readonly agent?: ssh2.BaseAgent;
  readonly keys: readonly ParsedKey[];
  readonly notes: readonly string[];
}> => {
  if (socket === undefined) return { keys: [], notes: [] };
  const agent = ssh2.createAgent(socket);
  try {
    return { agent, keys: await keysOfAgent(agent), notes: [] };
  } catch (error) {
    return { keys: [], notes: [`the agent: ${messageOf(error)}`] };
  }
};

const blobOf = (key: FileKey): Buffer | undefined =>
  key.kind === 'private' ? key.key.getPublicSSH() : key.kind === 'public' ? key.blob : undefined;

/**
 * What we show who we are with, in the order of OpenSSH, since sshd counts the tries: the keys of files that the agent holds
 * too, the others of the agent (none with IdentitiesOnly), the other files. An identity that the suite names goes first. A key that is
 * given by `privateKey` (as for a guest that we made) is the only one.
 */
export const credentials = async (
  where: string,
  spec: HostSpec,
  target: SshTarget,
  privateKey: string | undefined,
): Promise<Credentials> => {
  const publickey = (key: ParsedKey): AnyAuthMethod => ({ type: 'publickey', username: target.user, key });
  if (privateKey !== undefined) {
    const given = parsePrivateKey(privateKey);
    if (given.kind === 'private') return { methods: [publickey(given.key)], notes: [] };
    throw new SshError(where, 'authentication', `the given key can't be used: ${given.why}`);
  }
  const { agent, keys: held, notes } = await agentKeys(target.agent);
  const files = await Promise.all(target.identities.map(async (file) => ({ file, key: await readKey(file) })));
  const isHeld = (key: FileKey): boolean => {
    const blob = blobOf(key);
    return blob !== undefined && held.some((other) => other.getPublicSSH().equals(blob));
  };
  const [first] = files;
  if (spec.identity !== undefined && first !== undefined && first.key.kind !== 'private' && !isHeld(first.key))
    throw new SshError(
      where,
      'authentication',
      `identity ${expandHome(spec.identity)} can't be used: ${first.key.why}`,
    );

  const accepted = ({ type }: ParsedKey): boolean =>
    signaturesOf(type).some((name) => target.algorithms.publicKey.includes(name));
  const some = (keys: readonly ParsedKey[]): readonly AnyAuthMethod[] =>
    agent === undefined || keys.length === 0
      ? []
      : [{ type: 'agent', username: target.user, agent: new SomeKeys(agent, keys) }];
  const usable = held.filter(accepted);
  const ofFiles = files.flatMap(({ key }) => blobOf(key) ?? []);
  const named = usable.filter((key) => ofFiles.some((blob) => key.getPublicSSH().equals(blob)));
  const others = target.identitiesOnly ? [] : usable.filter((key) => !named.includes(key));
  const alone = files
    .flatMap(({ key }) => (key.kind === 'private' && !isHeld(key) && accepted(key.key) ? [key.key] : []))
    .map(publickey);
  const [before, after] = spec.identity === undefined ? [[], alone] : [alone, []];
  return {
    methods: [...some(named), ...before, ...some(others), ...after],
    notes: [
      ...notes,
      ...files.flatMap(({ file, key }) =>
        key.kind === 'public' && !isHeld(key) ? [`identity ${file}: ${key.why}`] : [],
      ),
    ],
  };
};
