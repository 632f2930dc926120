import { formatCpuList, invertCpus } from '../host/cpu-list.js';
import type { Host } from '../host/host.js';
import type { DomainSpec } from './domain/spec.js';
import { LibvirtError } from './error.js';
import { parseQemuProcess, type QemuProcess, type QemuThread } from './parse/qemu-process.js';
import { processScript } from './verify-script.js';
import { VirshClient, virshErrors } from './virsh/client.js';

/** One thing that was asked for and what the kernel of the host shows of it. */
export interface Verification {
  readonly what: string;
  readonly requested: string;
  readonly effective: string;
  readonly ok: boolean;
}

const same = (what: string, requested: string, effective: string): Verification => ({
  what,
  requested,
  effective,
  ok: requested === effective,
});

const affinity = (what: string, cpus: readonly number[], thread: QemuThread | undefined): Verification =>
  same(`${what}: CPUs`, formatCpuList(cpus), thread === undefined ? 'no such thread' : formatCpuList(thread.affinity));

interface Scheduler {
  readonly policy: string;
  readonly priority?: number | undefined;
}
const schedulerText = ({ policy, priority = 0 }: Scheduler): string =>
  priority === 0 ? policy : `${policy} ${String(priority)}`;
const scheduling = (what: string, wanted: Scheduler, thread: QemuThread | undefined): Verification =>
  same(`${what}: scheduling`, schedulerText(wanted), thread === undefined ? 'no such thread' : schedulerText(thread));

const mebibytes = (size: number): string => `${String(Math.round(size / 2 ** 20))} MiB`;

const emulatorAffinity = (cpus: readonly number[], threads: readonly QemuThread[]): Verification => {
  const all = [...new Set(threads.flatMap((thread) => thread.affinity))];
  const exact = invertCpus(all, cpus).length === 0 && invertCpus(cpus, all).length === 0;
  return { what: 'emulator: CPUs', requested: formatCpuList(cpus), effective: formatCpuList(all), ok: exact };
};

function* memoryChecks({ memory }: DomainSpec, { pages, locked, bound }: QemuProcess): Generator<Verification> {
  const hugepages = memory.hugepages;
  const huge = pages.filter(({ size }) => size === hugepages).reduce((sum, { held }) => sum + held, 0);
  const said = pages
    .filter(({ held }) => held > 0)
    .map(({ size, held }) => `${mebibytes(held)} in pages of ${String(size / 1024)} KiB`)
    .join(', ');
  if (hugepages !== undefined)
    yield {
      what: 'memory: hugepages',
      requested: `${mebibytes(memory.size)} in pages of ${String(hugepages / 1024)} KiB`,
      effective: said,
      ok: huge >= memory.size,
    };
  if (memory.locked) {
    // The kernel does not count hugetlb pages as locked; they can't be swapped in any case.
    const fixed = locked + huge;
    yield {
      what: 'memory: locked',
      requested: mebibytes(memory.size),
      effective: mebibytes(fixed),
      ok: fixed >= memory.size,
    };
  }
  if (!memory.sharePages) {
    const mergeable = pages.reduce((sum, page) => sum + page.mergeable, 0);
    yield {
      what: 'memory: that KSM may merge',
      requested: mebibytes(0),
      effective: mebibytes(mergeable),
      ok: mergeable < memory.size / 2,
    };
  }
  if (memory.numa?.mode === 'strict') {
    const nodes = [...bound.entries()].filter(([, size]) => size > 0).map(([node]) => node);
    const wanted = memory.numa.nodes;
    yield {
      what: 'memory: NUMA nodes',
      requested: formatCpuList(wanted),
      effective: formatCpuList(nodes),
      ok: nodes.length > 0 && nodes.every((node) => wanted.includes(node)),
    };
  }
}

/** QEMU's thread contexts (`TC ...`) only start the threads that preallocate memory, and sleep ever after. */
const lasting = ({ name }: QemuThread): boolean => !name.startsWith('TC ');

/** Compares what a domain was asked to be with its QEMU process. Pure. */
export const compareDomain = (spec: DomainSpec, process: QemuProcess): readonly Verification[] => {
  const { tune } = spec;
  const vcpu = (id: number): readonly [string, QemuThread | undefined] => [`vCPU ${String(id)}`, process.vcpus.get(id)];
  const iothread = (id: number): readonly [string, QemuThread | undefined] => [
    `IOThread ${String(id)}`,
    process.iothreads.get(id),
  ];
  const main = process.emulator.find(({ tid }) => tid === process.pid);
  return [
    ...tune.vcpuPins.map(({ id, cpus }) => {
      const [what, thread] = vcpu(id);
      return affinity(what, cpus, thread);
    }),
    ...tune.vcpuSchedulers.flatMap((wanted) =>
      wanted.vcpus.map((id) => {
        const [what, thread] = vcpu(id);
        return scheduling(what, wanted, thread);
      }),
    ),
    ...tune.iothreadPins.map(({ id, cpus }) => {
      const [what, thread] = iothread(id);
      return affinity(what, cpus, thread);
    }),
    ...tune.iothreadSchedulers.flatMap((wanted) =>
      wanted.iothreads.map((id) => {
        const [what, thread] = iothread(id);
        return scheduling(what, wanted, thread);
      }),
    ),
    ...(tune.emulatorPin === undefined ? [] : [emulatorAffinity(tune.emulatorPin, process.emulator.filter(lasting))]),
    ...(tune.emulatorScheduler === undefined ? [] : [scheduling('emulator', tune.emulatorScheduler, main)]),
    ...memoryChecks(spec, process),
  ];
};

/**
 * Reads back, in one round trip, what a running domain's QEMU process got: threads' CPUs and scheduling, hugepages, locked
 * memory, KSM, NUMA nodes. `host` is the machine that QEMU runs on. `root`: needed where QEMU is another user's.
 */
export const verifyDomain = async (
  host: Host,
  uri: string,
  spec: DomainSpec,
  options: { readonly root?: boolean; readonly signal?: AbortSignal; readonly timeout?: number } = {},
): Promise<readonly Verification[]> => {
  const { root = false, signal, timeout = 60_000 } = options;
  const client = new VirshClient(host, uri, root);
  const argv = ['sh', '-c', processScript, 'sh', spec.name, ...client.argv([])];
  const result = await host.exec(argv, { root, timeout, check: false, ...(signal === undefined ? {} : { signal }) });
  if (result.exitCode !== 0) {
    const text = virshErrors(result.stderr).at(-1) ?? (result.stderr.trim() || 'its QEMU process could not be read');
    throw new LibvirtError(text, { action: `verify domain ${spec.name}`, uri, host: host.name });
  }
  return compareDomain(spec, parseQemuProcess(result.stdout));
};
