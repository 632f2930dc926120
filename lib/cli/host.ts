import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { openHost } from '../host/open.js';
import { hostSchema, type HostSpec } from '../host/spec.js';
import { builtins } from '../builtins.js';
import { loadSuite } from '../suite/load.js';

const specsOf = async (name: string | undefined, suite: string | undefined): Promise<ReadonlyMap<string, HostSpec>> => {
  if (suite === undefined)
    return new Map([
      [name ?? 'local', hostSchema.parse(name === undefined || name === 'local' ? {} : { address: name })],
    ]);
  const { hosts } = await loadSuite(suite, { registry: builtins() });
  if (!hosts.has(name ?? 'local'))
    throw new Kvm4nfvError('usage', `${suite} has no host '${name ?? ''}'`, {
      hint: `it has ${[...hosts.keys()].join(', ')}`,
    });
  return hosts;
};

/** Opens the host that a command names: one of a suite, else an address or an ssh_config alias; this machine where none is named. */
export const openNamed = async (
  name: string | undefined,
  options: { readonly suite?: string; readonly signal?: AbortSignal },
): Promise<Host> => {
  const { suite, signal } = options;
  return openHost(name ?? 'local', await specsOf(name, suite), signal === undefined ? {} : { signal });
};
