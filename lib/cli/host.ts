import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { localHost } from '../host/local.js';
import { openHost } from '../host/open.js';
import { hostSchema, type HostSpec } from '../host/spec.js';
import { builtins } from '../builtins.js';
import { attachVirtualHost } from '../lab/find.js';
import { loadSuite } from '../suite/load.js';

/** Runs that are nobody's suite: machines that stay until they are taken down. */
export const labRun = 'lab';

/** `lab:dut`: an emulated host of `kvm4nfv lab`. */
const labPrefix = 'lab:';

const labSpec = async (name: string): Promise<HostSpec> => {
  await using local = localHost('local');
  return (await attachVirtualHost(local, { run: labRun, name })).spec;
};

const specsOf = async (name: string | undefined, suite: string | undefined): Promise<ReadonlyMap<string, HostSpec>> => {
  if (name?.startsWith(labPrefix) === true) return new Map([[name, await labSpec(name.slice(labPrefix.length))]]);
  if (suite === undefined)
    return new Map([
      [name ?? 'local', hostSchema.parse(name === undefined || name === 'local' ? {} : { address: name })],
    ]);
  const { hosts } = await loadSuite(suite, { registry: builtins() });
  if (!hosts.has(name ?? 'local'))
    throw new Kvm4nfvError('E_HOST', `${suite} has no host '${name ?? ''}'`, {
      hint: `it has ${[...hosts.keys()].join(', ')}`,
    });
  return hosts;
};

/** Opens the host that a command names: one of a suite, an emulated one (`lab:dut`), else an address or an ssh_config alias; this machine where none is named. */
export const openNamed = async (
  name: string | undefined,
  options: { readonly suite?: string; readonly signal?: AbortSignal },
): Promise<Host> => {
  const { suite, signal } = options;
  return openHost(name ?? 'local', await specsOf(name, suite), signal === undefined ? {} : { signal });
};
