import {
  formatCpuList,
  invertCpus,
  parseCpuList,
  resolveCpus,
  type CpuSelection,
  type CpuTopology,
} from '../host/cpu-list.js';
import { Kvm4nfvError } from '../error.js';
import { files, line, matching, text, type Request, type Snapshot } from './reading.js';

/** What every knob may need of the machine, as it was shown in the round trip that the plan is made of. */
export interface Machine {
  readonly online: readonly number[];
  readonly possible: readonly number[];
  /** CPUs for real-time work, all of them online; empty where the profile names none. */
  readonly isolated: readonly number[];
  readonly housekeeping: readonly number[];
  /** CPU to the threads of its core, itself included. */
  readonly siblings: ReadonlyMap<number, readonly number[]>;
  readonly nodes: readonly { readonly id: number; readonly cpus: readonly number[] }[];
  /** The node of the profile's `node`, else the one of the first isolated CPU, else the first. */
  readonly node: number;

  readonly kernel: {
    readonly release: string;
    readonly major: number;
    readonly minor: number;
    readonly realtime: boolean;
  };
  readonly vendor: 'intel' | 'amd' | 'other';
  readonly architecture: 'x86' | 'arm64' | 'other';
  /** A hypervisor is below: its flag shows on x86 only. */
  readonly virtual: boolean;
  readonly cmdline: string;
  readonly bootId: string;
}

export interface TuningParameters {
  readonly isolated_cpus?: CpuSelection | undefined;
  readonly housekeeping_cpus?: CpuSelection | undefined;
  readonly node?: number | undefined;
}

export const bootIdPath = '/proc/sys/kernel/random/boot_id';

export const machineRequests: readonly Request[] = [
  ...files(
    '/sys/devices/system/cpu/online',
    '/sys/devices/system/cpu/possible',
    '/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list',
    '/sys/devices/system/node/node[0-9]*/cpulist',
    '/proc/cmdline',
    '/proc/version',
    '/sys/kernel/realtime',
    bootIdPath,
  ),
  text('/proc/cpuinfo'),
];

const vendors: Readonly<Record<string, Machine['vendor']>> = {
  GenuineIntel: 'intel',
  AuthenticAMD: 'amd',
  HygonGenuine: 'amd',
};

const topologyOf = (now: Snapshot): CpuTopology => {
  const online = line(now, '/sys/devices/system/cpu/online');
  if (online === undefined)
    throw new Kvm4nfvError('E_NOT_LINUX', 'the machine shows no /sys/devices/system/cpu/online', {
      hint: 'Tuning needs a Linux machine with sysfs mounted.',
    });
  const nodes = matching(now, /^\/sys\/devices\/system\/node\/node(\d+)\/cpulist$/).map(({ text: list, groups }) => ({
    id: Number(groups[0]),
    cpus: parseCpuList(list),
  }));
  return { online: parseCpuList(online), nodes: nodes.sort((a, b) => a.id - b.id) };
};

const housekeepingOf = (
  { housekeeping_cpus }: TuningParameters,
  isolated: readonly number[],
  topology: CpuTopology,
): readonly number[] => {
  const own =
    housekeeping_cpus === undefined ? invertCpus(isolated, topology.online) : resolveCpus(housekeeping_cpus, topology);
  const both = own.filter((cpu) => isolated.includes(cpu));
  if (both.length > 0)
    throw new Kvm4nfvError('E_CPUS', `CPUs ${formatCpuList(both)} are isolated and housekeeping at once`, {
      hint: 'Leave housekeeping_cpus out: it is the rest by default.',
    });
  if (own.length === 0)
    throw new Kvm4nfvError(
      'E_NO_HOUSEKEEPING',
      `isolated_cpus ${formatCpuList(isolated)} leaves no CPU for housekeeping; online are ${formatCpuList(topology.online)}`,
      { hint: 'Leave at least one CPU out of isolated_cpus.' },
    );
  return own;
};

const kernelOf = (now: Snapshot): Machine['kernel'] => {
  const version = line(now, '/proc/version') ?? '';
  const release = /^Linux version (\S+)/.exec(version)?.[1] ?? '';
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  const realtime = line(now, '/sys/kernel/realtime') === '1' || /\bPREEMPT[_ ]RT\b/.test(version);
  return { release, major: Number(major), minor: Number(minor), realtime };
};

const processorOf = (now: Snapshot): Pick<Machine, 'vendor' | 'architecture' | 'virtual'> => {
  const told = now.texts.get('/proc/cpuinfo') ?? '';
  const flags = /^flags\s*:.*$/m.exec(told)?.[0];
  const other = /^CPU implementer\s*:/m.test(told) ? 'arm64' : 'other';
  return {
    vendor: vendors[/^vendor_id\s*:\s*(\S+)/m.exec(told)?.[1] ?? ''] ?? 'other',
    architecture: flags === undefined ? other : 'x86',
    virtual: flags !== undefined && /\bhypervisor\b/.test(flags),
  };
};

/** Reads the machine off a snapshot of {@link machineRequests}, with the CPUs that the parameters name. */
export const machineOf = (now: Snapshot, parameters: TuningParameters): Machine => {
  const topology = topologyOf(now);
  const isolated = parameters.isolated_cpus === undefined ? [] : resolveCpus(parameters.isolated_cpus, topology);
  const own = topology.nodes.find(({ cpus }) => cpus.includes(isolated[0] ?? -1)) ?? topology.nodes[0];
  return {
    ...topology,
    possible: parseCpuList(line(now, '/sys/devices/system/cpu/possible') ?? formatCpuList(topology.online)),
    isolated,
    housekeeping: housekeepingOf(parameters, isolated, topology),
    siblings: new Map(
      matching(now, /cpu(\d+)\/topology\/thread_siblings_list$/).map(({ text: list, groups }) => [
        Number(groups[0]),
        parseCpuList(list),
      ]),
    ),
    node: parameters.node ?? own?.id ?? 0,
    kernel: kernelOf(now),
    ...processorOf(now),
    cmdline: line(now, '/proc/cmdline') ?? '',
    bootId: line(now, bootIdPath) ?? '',
  };
};
