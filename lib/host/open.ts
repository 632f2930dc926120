import { Kvm4nfvError } from '../error.js';
import type { Host } from './host.js';
import { localHost } from './local.js';
import type { HostSpec } from './spec.js';

export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Run whose commands it gives: what a killed controller left of them is found by it. */
  readonly run?: string;
}

/** Opens a host of the suite: this machine where it has no address, else through SSH. */
export const openHost = async (
  name: string,
  specs: ReadonlyMap<string, HostSpec>,
  options: OpenOptions = {},
): Promise<Host> => {
  const spec = specs.get(name);
  if (spec === undefined)
    throw new Kvm4nfvError('E_HOST', `there is no host '${name}'; there are ${[...specs.keys()].join(', ')}`);
  if (spec.address === undefined) return localHost(name, options);
  // Read only where it is needed: ssh2 takes longer to load than all the rest.
  const { openSshHost } = await import('./ssh/open.js');
  return openSshHost(name, spec, { hosts: specs, ...options });
};
