import { formatCpuList } from '../../host/cpu-list.js';
import { parameterName, splitCmdline } from '../../tuning/cmdline.js';
import type { Machine } from '../../tuning/machine.js';
import { command, files, line, names, outputOf, text, type Request, type Snapshot } from '../../tuning/reading.js';

/** `critical`: real-time results mean nothing; `major`: tens of microseconds and more; `minor`: microseconds; `info`: no fault. */
export const severities = ['critical', 'major', 'minor', 'info'] as const;
export type Severity = (typeof severities)[number];

export interface Finding {
  /** The knob's name, or that of a check beyond knobs. */
  readonly check: string;
  readonly severity: Severity;
  readonly what: string;
  readonly costs: string;
  readonly mend: string;
  /** The knob that mends it. */
  readonly knob?: string;
  /** Knobs of which nothing more is to be said until this is mended. */
  readonly instead?: readonly string[];
}

const smi = ['od', '-An', '-v', '-tu8', '-j', '52', '-N', '8', '/dev/cpu/0/msr'];
const tools = [
  'cyclictest',
  'stress-ng',
  'ethtool',
  'chrt',
  'hwlatdetect',
  'rtla',
  'qemu-system-x86_64',
  'virsh',
  'numactl',
];
const toolScript = 'for tool; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done; :';

export const doctorRequests: readonly Request[] = [
  ...files(
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/latency',
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/name',
    '/sys/devices/system/cpu/cpu[0-9]*/cpuidle/state*/disable',
  ),
  ...files(
    '/sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id',
    '/sys/devices/system/cpu/cpufreq/policy0/scaling_driver',
    '/sys/devices/system/cpu/intel_pstate/no_turbo',
  ),
  ...files(
    '/sys/devices/system/cpu/cpufreq/boost',
    '/sys/devices/system/cpu/smt/active',
    '/sys/devices/system/clocksource/clocksource0/current_clocksource',
    '/proc/swaps',
    '/proc/uptime',
  ),
  ...files(
    '/sys/class/dmi/id/sys_vendor',
    '/sys/class/dmi/id/product_name',
    '/sys/class/dmi/id/bios_version',
    '/sys/class/dmi/id/bios_date',
    '/sys/kernel/tracing/available_tracers',
    '/sys/kernel/debug/tracing/available_tracers',
  ),
  ...files(
    '/sys/devices/system/node/node[0-9]*/hugepages/hugepages-*/nr_hugepages',
    '/sys/devices/system/cpu/vulnerabilities/*',
  ),
  names('/dev/kvm'),
  names('/sys/kernel/iommu_groups/[0-9]*'),
  names('/sys/bus/serio/devices/*'),
  names('/sys/fs/resctrl'),
  text('/proc/filesystems'),
  command(...smi),
  command('sh', '-c', toolScript, 'sh', ...tools),
];

type Check = (now: Snapshot, machine: Machine) => Finding | undefined;

const flagsOf = (now: Snapshot): string[] =>
  /^flags\s*:\s*(.*)$/m.exec(now.texts.get('/proc/cpuinfo') ?? '')?.[1]?.split(' ') ?? [];
const inGuest = (now: Snapshot): boolean => flagsOf(now).includes('hypervisor');

const realtimeKernel: Check = (_, { kernel }) =>
  kernel.realtime
    ? undefined
    : {
        check: 'realtime-kernel',
        severity: 'critical',
        what: `kernel ${kernel.release} is not a PREEMPT_RT kernel`,
        costs: 'Milliseconds: 1 to 10 ms in a guest on a host that is otherwise well tuned.',
        mend: 'Boot a real-time kernel (Debian: linux-image-rt-amd64).',
      };

export const noKvm = (now: Snapshot, what: string): Finding => ({
  check: 'kvm',
  severity: inGuest(now) ? 'info' : 'critical',
  what,
  costs: 'Guests are emulated by TCG: their latencies say nothing about real hardware.',
  mend: 'Enable VT-x or AMD-V in the firmware and load kvm_intel or kvm_amd; in a guest, nested virtualisation on its host.',
});

const kvm: Check = (now) => (now.names.has('/dev/kvm') ? undefined : noKvm(now, '/dev/kvm is not there'));

const iommu: Check = (now) =>
  [...now.names].some((name) => name.startsWith('/sys/kernel/iommu_groups/'))
    ? undefined
    : {
        check: 'iommu',
        severity: inGuest(now) ? 'info' : 'minor',
        what: 'there are no IOMMU groups, so no device can be assigned to a guest',
        costs: 'No VF or other device can be given to a guest; packets go through the host: tens of microseconds each.',
        mend: inGuest(now)
          ? 'Give this guest an IOMMU on its host (intel-iommu or virtio-iommu), where it has devices to hand on.'
          : 'Enable VT-d or AMD-Vi in the firmware and boot with intel_iommu=on iommu=pt.',
        knob: 'iommu',
        instead: ['iommu'],
      };

const invariantTsc: Check = (now) => {
  const missing = ['constant_tsc', 'nonstop_tsc'].filter((flag) => !flagsOf(now).includes(flag));
  return missing.length === 0 || flagsOf(now).length === 0
    ? undefined
    : {
        check: 'invariant-tsc',
        severity: 'major',
        what: `the processor shows no ${missing.join(', ')}`,
        costs: 'The TSC is given up for a slower clock: a microsecond or more for each reading.',
        mend: 'In a guest: host-passthrough with the invtsc feature.',
        knob: 'clocksource',
        // tsc=reliable on a TSC that is not would be a wrong clock.
        instead: ['clocksource', 'tsc'],
      };
};

const deadlineTimer: Check = (now) =>
  flagsOf(now).length === 0 || flagsOf(now).includes('tsc_deadline_timer')
    ? undefined
    : {
        check: 'tsc-deadline',
        severity: 'minor',
        what: 'the processor shows no tsc_deadline_timer',
        costs: 'Timers are programmed by counting bus ticks: less exact, and one exit more in a guest.',
        mend: 'In a guest: require the tsc-deadline feature.',
      };

const systemManagement: Check = (now, machine) => {
  const count = Number.parseInt(outputOf(now, ...smi)?.stdout ?? '', 10);
  const seconds = Number(line(now, '/proc/uptime')?.split(' ')[0]);
  if (machine.vendor !== 'intel') return undefined;
  if (Number.isNaN(count))
    return {
      check: 'smi',
      severity: 'info',
      what: 'the SMI counter (MSR 0x34) can not be read',
      costs: 'SMIs stop all CPUs for tens to hundreds of microseconds, unseen by the kernel.',
      mend: 'modprobe msr, or look with kvm4nfv doctor --smi 30s.',
    };
  return count === 0
    ? undefined
    : {
        check: 'smi',
        severity: 'major',
        what: `${String(count)} SMIs since boot, ${(count / Math.max(seconds / 3600, 1 / 60)).toFixed(1)} an hour`,
        costs: 'Each stops all CPUs for tens to hundreds of microseconds, unseen by the kernel.',
        mend: 'Legacy USB and port 60/64 emulation off in the firmware, no firmware refresh, ask the vendor for an SMI-free setting.',
      };
};

const hardwareLatency: Check = (now) => {
  const tracers =
    line(now, '/sys/kernel/tracing/available_tracers') ?? line(now, '/sys/kernel/debug/tracing/available_tracers');
  return tracers?.split(' ').includes('hwlat') === true
    ? undefined
    : {
        check: 'hwlat',
        severity: 'info',
        what: 'the kernel has no hwlat tracer (or tracefs is not mounted)',
        costs: 'None; hardware latency can not be told from that of the kernel.',
        mend: 'Use a kernel with CONFIG_HWLAT_TRACER and mount tracefs.',
      };
};

const swap: Check = (now) =>
  (now.files.get('/proc/swaps') ?? '').trim().split('\n').length < 2
    ? undefined
    : {
        check: 'swap',
        severity: 'minor',
        what: 'swap is in use as a device',
        costs: 'Milliseconds for each page of memory that is not locked.',
        mend: 'swapoff -a, or lock the memory.',
        knob: 'swappiness',
      };

const misspelt: Readonly<Record<string, string>> = {
  pcie_asmp: 'pcie_aspm',
  isolcpu: 'isolcpus',
  nohzfull: 'nohz_full',
  rcu_nocb: 'rcu_nocbs',
  intel_idle_max_cstate: 'intel_idle.max_cstate',
};
const spelling: Check = (_, { cmdline }) => {
  const wrong = splitCmdline(cmdline)
    .map(parameterName)
    .find((name) => Object.hasOwn(misspelt, name));
  return wrong === undefined
    ? undefined
    : {
        check: 'cmdline-spelling',
        severity: 'major',
        what: `the kernel command line has ${wrong}, which does nothing`,
        costs: 'Those of what was meant.',
        mend: `Write ${misspelt[wrong] ?? ''}.`,
      };
};

const oneNode: Check = (_, { isolated, nodes }) => {
  const used = nodes.filter(({ cpus }) => cpus.some((cpu) => isolated.includes(cpu)));
  return used.length < 2
    ? undefined
    : {
        check: 'numa-locality',
        severity: 'minor',
        what: `the isolated CPUs are on nodes ${used.map(({ id }) => String(id)).join(', ')}`,
        costs: 'About 100 ns more for each access to the memory of another node.',
        mend: 'Isolate CPUs of one node, the one of the network device.',
      };
};

const siblings: Check = (_, { isolated, siblings: threads, online }) => {
  const shared = isolated.filter((cpu) =>
    (threads.get(cpu) ?? []).some((other) => other !== cpu && online.includes(other) && !isolated.includes(other)),
  );
  return shared.length === 0
    ? undefined
    : {
        check: 'siblings',
        severity: 'major',
        what: `CPUs ${formatCpuList(shared)} share their core with a housekeeping CPU`,
        costs: 'Up to half of the speed, whenever the sibling is busy.',
        mend: 'Isolate both threads of a core, or take the sibling offline.',
        knob: 'smt',
      };
};

const missingTools: Check = (now) => {
  const found = (outputOf(now, 'sh', '-c', toolScript, 'sh', ...tools)?.stdout ?? '').split('\n');
  const missing = tools.filter((tool) => !found.includes(tool));
  return missing.length === 0
    ? undefined
    : {
        check: 'tools',
        severity: 'info',
        what: `not installed: ${missing.join(', ')}`,
        costs: 'None; what needs them can not be measured.',
        mend: 'apt install rt-tests stress-ng ethtool util-linux rtla qemu-system-x86 libvirt-clients numactl',
      };
};

const guest: Check = (now) =>
  inGuest(now)
    ? {
        check: 'virtual-machine',
        severity: 'info',
        what: 'this machine is itself a guest',
        costs: 'Its latencies are those of its host, and no better.',
        mend: 'Tune the host as well; see the profile realtime-host.',
      }
    : undefined;

const cacheControl: Check = (now) =>
  (now.texts.get('/proc/filesystems') ?? '').includes('resctrl')
    ? undefined
    : {
        check: 'resctrl',
        severity: 'info',
        what: 'no cache or memory bandwidth control (RDT, PQoS)',
        costs: 'Neighbours evict cache lines: up to tens of microseconds in a cold handler.',
        mend: 'A processor with CAT, and a kernel with CONFIG_X86_CPU_RESCTRL.',
        knob: 'cache-allocation',
      };

export const checks: readonly Check[] = [
  realtimeKernel,
  kvm,
  iommu,
  invariantTsc,
  deadlineTimer,
  systemManagement,
  hardwareLatency,
  swap,
  spelling,
  oneNode,
  siblings,
  missingTools,
  guest,
  cacheControl,
];
