import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { messageOf } from '../../error.js';
import { SshError } from './error.js';

export interface SocketTarget {
  /** For messages: the host's name and address. */
  readonly where: string;
  readonly address: string;
  readonly port: number;
  readonly family: 0 | 4 | 6;
  readonly bindAddress: string | undefined;
}

const addressesOf = async ({ where, address, family }: SocketTarget): Promise<readonly string[]> => {
  if (isIP(address) !== 0) return [address];
  try {
    const found = await lookup(address, { all: true, family, order: 'verbatim' });
    return [...new Set(found.map((entry) => entry.address))];
  } catch (error) {
    throw new SshError(where, 'resolve', messageOf(error), { cause: error });
  }
};

/** Names are resolved without an abort signal: whoever does not wait any longer goes on alone. */
const within = async <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> => {
  let give: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    give = () => reject(new Error('aborted'));
  });
  signal.addEventListener('abort', give, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', give);
  }
};

/**
 * Connects to the first address of a name that takes it, one after the other in the order of the resolver, as `ssh` does: each may
 * take an equal share of what is left of `deadline` (milliseconds). All are told with their reasons where none does.
 */
export const openSocket = async (target: SocketTarget, deadline: number, signal: AbortSignal): Promise<Socket> => {
  const { where, port, bindAddress } = target;
  const until = Date.now() + deadline;
  const addresses = await within(addressesOf(target), signal);
  const reasons: string[] = [];
  for (const [index, address] of addresses.entries()) {
    const share = Math.max(1, (until - Date.now()) / (addresses.length - index));
    const late = AbortSignal.timeout(Math.ceil(share));
    const socket = connect({
      host: address,
      port,
      noDelay: true,
      ...(bindAddress === undefined ? {} : { localAddress: bindAddress }),
    });
    try {
      await once(socket, 'connect', { signal: AbortSignal.any([late, signal]) });
      return socket;
    } catch (error) {
      socket.destroy();
      if (signal.aborted) throw error;
      const why = late.aborted ? `no answer within ${(share / 1000).toFixed(1)} s` : messageOf(error);
      reasons.push(addresses.length === 1 ? why : `${address}: ${why.replace(` ${address}:${String(port)}`, '')}`);
    }
  }
  throw new SshError(where, 'connect', reasons.join('; '));
};
