import * as z from 'zod';
import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { assertTrusted } from '../../host/trust.js';
import { lives, thisController } from '../../tuning/controller.js';
import { dropScript, takeScript } from './resource-scripts.js';

const ownerSchema = z.object({
  run: z.string(),
  context: z.string(),
  controller: z.object({
    host: z.string(),
    pid: z.number(),
    machine: z.string(),
    boot: z.string(),
    namespace: z.string(),
    started: z.string(),
  }),
});
export type ResourceOwner = z.output<typeof ownerSchema>;
type Owner = Omit<ResourceOwner, 'controller'>;

/** Of root; other users have theirs beside it. On a file system in memory: what a reboot ends needs no lease after it. */
export const leaseDirectory = '/run/lock/kvm4nfv';

/** Huge pages of one size, of one NUMA node or of any. */
export interface PageRequest {
  /** Bytes. */
  readonly size: number;
  readonly node: number | undefined;
  readonly count: number;
}

export type Taking =
  | { readonly taken: true }
  | { readonly taken: false; readonly name: string; readonly owner: ResourceOwner | undefined };

const pageWords = ({ size, node, count }: PageRequest): string =>
  [String(size / 1024), node === undefined ? '' : String(node), String(count)].join(':');

const tooFewPages = (host: Host, { size, node, count }: PageRequest, said: string): Kvm4nfvError => {
  const [total = '0', free = '0', leased = '0'] = said.trim().split(' ');
  const where = node === undefined ? '' : ` on node ${String(node)}`;
  return new Kvm4nfvError(
    'E_MEMORY',
    `${host.name}: ${String(count)} huge pages of ${String(size / 2 ** 20)} MiB are needed${where}: of ${total} there, ${free} are free and ${leased} belong to guests of runs`,
    {
      hint: 'reserve more (sysfs nr_hugepages, or hugepages= on the kernel command line), or take less memory; `kvm4nfv cleanup` gives back what dead runs have',
    },
  );
};

/** Takes all of some resources of a host (`cpu-3`, `port-22001`, huge pages) for a context of a run, or none of them. */
export const tryTake = async (
  host: Host,
  owner: Owner,
  names: readonly string[],
  pages?: PageRequest,
): Promise<Taking> => {
  const lease: ResourceOwner = { ...owner, controller: await thisController() };
  const argv = ['sh', '-c', takeScript, 'sh', leaseDirectory, pages === undefined ? '' : pageWords(pages), ...names];
  const result = await host.exec(argv, { stdin: `${JSON.stringify(lease)}\n`, check: false });
  const { exitCode, stdout, stderr } = result;
  if (exitCode === 0) return { taken: true };
  assertTrusted(host.name, result);
  if (exitCode === 4 && pages !== undefined) throw tooFewPages(host, pages, stdout);
  if (exitCode !== 3)
    throw new Kvm4nfvError('E_LEASE', `${host.name}: can't write leases to ${leaseDirectory}: ${stderr.trim()}`, {
      hint: 'the user must be able to write there',
    });
  const [name = '', ...text] = stdout.split('\n');
  try {
    return { taken: false, name, owner: ownerSchema.parse(JSON.parse(text.join('\n'))) };
  } catch {
    return { taken: false, name, owner: undefined };
  }
};

/** The `environment` error that says who has what was asked for. */
export const takenBy = async (host: Host, { name, owner }: Taking & { taken: false }): Promise<Kvm4nfvError> => {
  if (owner === undefined)
    return new Kvm4nfvError(
      'E_LEASE',
      `${host.name}: ${name} is taken by ${leaseDirectory}/${name}, which is no lease of ours`,
    );
  const alive = await lives(owner.controller);
  return new Kvm4nfvError(
    'E_LEASED',
    `${host.name}: ${name} belongs to context ${owner.context} of run ${owner.run}${alive === false ? ', whose controller is gone' : ''}`,
    { hint: alive === false ? `kvm4nfv cleanup --run ${owner.run}` : 'wait for it, or choose other CPUs' },
  );
};

/** The CPUs of a host that guests of runs have. */
export const takenCpus = async (host: Host): Promise<readonly number[]> => {
  const { stdout } = await host.exec(['sh', '-c', 'ls -- "$1" "$1"-* 2>/dev/null; exit 0', 'sh', leaseDirectory]);
  return [...stdout.matchAll(/^cpu-(\d+)$/gm)].map(([, cpu]) => Number(cpu));
};

/** Gives back what a context of a run has, or all that the run has; says what. */
export const giveBack = async (host: Host, run: string, context = ''): Promise<readonly string[]> => {
  const { stdout } = await host.exec(['sh', '-c', dropScript, 'sh', leaseDirectory, run, context]);
  return stdout.split('\n').filter((name) => name !== '');
};

const firstPort = 42_000;
const ports = 8000;
const tries = 50;

/** A TCP port of the host's loopback that nothing listens on, taken for the context. */
export const takePort = async (host: Host, owner: Owner): Promise<number> => {
  const { stdout } = await host.exec(['cat', '/proc/net/tcp']);
  const used = new Set(
    [...stdout.matchAll(/^\s*\d+: [0-9A-F]+:([0-9A-F]{4})/gm)].map(([, port = '']) => Number.parseInt(port, 16)),
  );
  for (let tried = 0; tried < tries; tried += 1) {
    const port = firstPort + Math.floor(Math.random() * ports);
    if (!used.has(port) && (await tryTake(host, owner, [`port-${String(port)}`])).taken) return port;
  }
  throw new Kvm4nfvError(
    'E_NO_PORT',
    `${host.name}: no free port from ${String(firstPort)} to ${String(firstPort + ports - 1)}`,
  );
};
