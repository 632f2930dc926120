import { Kvm4nfvError } from '../error.js';
import type { HostFacts } from './facts-schema.js';
import { parseFacts } from './facts-parse.js';
import { factsScript } from './facts-script.js';
import type { Host } from './host.js';

export type { HostFacts } from './facts-schema.js';

/** Reads what a host is and how it is set up, in one round trip. */
export const readFacts = async (host: Host, options: { readonly signal?: AbortSignal } = {}): Promise<HostFacts> => {
  const { stdout } = await host.exec(['sh', '-c', factsScript], { timeout: 30_000, ...options });
  const facts = parseFacts(stdout);
  if (facts.topology.online.length === 0)
    throw new Kvm4nfvError(
      'E_NOT_LINUX',
      `${host.name}: /sys/devices/system/cpu/online can't be read: this is no Linux host, or /sys is not mounted`,
    );
  return facts;
};
