import { SimulatedHost, Refusal, type SimulatedCommand, type SimulatedWrite } from '../../lib/host/simulated.js';
import { simulateTuning, type SimulatedTuning, type SimulateTuningOptions } from '../../lib/tuning/simulate.js';
import { knobsByName } from '../../lib/tuning/knobs/index.js';
import { loadProfiles, resolveTuning, type ResolvedTuning } from '../../lib/tuning/profile.js';
import { tuningSchema } from '../../lib/tuning/tuning-schema.js';
import type * as z from 'zod';

const cpu = (id: number): Record<string, string> => ({
  [`/sys/devices/system/cpu/cpu${String(id)}/topology/thread_siblings_list`]: `${String(id % 4)},${String((id % 4) + 4)}\n`,
  [`/sys/devices/system/cpu/cpu${String(id)}/topology/physical_package_id`]: `${String(Math.floor((id % 4) / 2))}\n`,
  [`/sys/devices/system/cpu/cpu${String(id)}/online`]: '1\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/power/pm_qos_resume_latency_us`]: '0\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/power/energy_perf_bias`]: '6\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state0/latency`]: '0\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state0/disable`]: '0\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state1/latency`]: '2\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state1/disable`]: '0\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state2/latency`]: '133\n',
  [`/sys/devices/system/cpu/cpu${String(id)}/cpuidle/state2/disable`]: '0\n',
  [`/sys/devices/system/cpu/cpufreq/policy${String(id)}/scaling_governor`]: 'powersave\n',
  [`/proc/${String(20 + id)}/stat`]: `${String(20 + id)} (ksoftirqd/${String(id)}) S 2 0 0 0 -1 69238848 0 0 0 0 0 3 0 0 20 0 1 0 6 0 0 18446744073709551615 0 0 0 0 0 0 0 2147483647 0 0 0 0 17 ${String(id)} 0 0 0 0 0 0 0 0 0 0 0 0 0\n`,
});

/** A server of two sockets, two cores each, two threads each; 4-7 are the second threads (as recorded on one, shortened). */
const server: Readonly<Record<string, string>> = {
  ...(Object.assign({}, ...Array.from({ length: 8 }, (_, id) => cpu(id))) as Record<string, string>),
  '/sys/devices/system/cpu/online': '0-7\n',
  '/sys/devices/system/cpu/possible': '0-7\n',
  '/sys/devices/system/cpu/isolated': '\n',
  '/sys/devices/system/cpu/nohz_full': '(null)\n',
  '/sys/devices/system/cpu/smt/control': 'on\n',
  '/sys/devices/system/cpu/smt/active': '1\n',
  '/sys/devices/system/cpu/intel_pstate/no_turbo': '0\n',
  '/sys/devices/system/cpu/intel_pstate/min_perf_pct': '28\n',
  '/sys/devices/system/node/node0/cpulist': '0-1,4-5\n',
  '/sys/devices/system/node/node1/cpulist': '2-3,6-7\n',
  '/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages': '0\n',
  '/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages': '0\n',
  '/sys/devices/virtual/workqueue/cpumask': 'ff\n',
  '/sys/devices/virtual/workqueue/writeback/cpumask': 'ff\n',
  '/sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
  '/sys/module/kvm/parameters/halt_poll_ns': '200000\n',
  '/sys/module/kvm/parameters/kvmclock_periodic_sync': 'Y\n',
  '/proc/cmdline': 'BOOT_IMAGE=/vmlinuz root=/dev/vda ro quiet\n',
  '/proc/version': 'Linux version 6.12.1-rt1 (gcc) #1 SMP PREEMPT_RT\n',
  '/proc/cpuinfo':
    'processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu nx vmx constant_tsc nonstop_tsc tsc_deadline_timer\n',
  '/proc/filesystems': 'nodev\thugetlbfs\nnodev\tresctrl\n',
  '/proc/sys/kernel/random/boot_id': '11111111-1111-4111-8111-111111111111\n',
  '/proc/sys/kernel/sched_rt_runtime_us': '950000\n',
  '/proc/sys/kernel/sched_rt_period_us': '1000000\n',
  '/proc/sys/kernel/timer_migration': '1\n',
  '/proc/sys/kernel/watchdog': '1\n',
  '/proc/sys/kernel/nmi_watchdog': '1\n',
  '/proc/sys/vm/stat_interval': '1\n',
  '/proc/irq/default_smp_affinity': 'ff\n',
  '/proc/irq/0/smp_affinity_list': '0-7\n',
  '/proc/irq/24/smp_affinity_list': '0-7\n',
  '/proc/irq/25/smp_affinity_list': '7\n',
  '/proc/irq/26/smp_affinity_list': '3,7\n',
  '/proc/irq/27/smp_affinity_list': '0\n',
  '/proc/interrupts':
    '           CPU0 CPU1 CPU2 CPU3 CPU4 CPU5 CPU6 CPU7\n  0:  1 0 0 0 0 0 0 0  IO-APIC 2-edge timer\n 24: 5 0 0 0 0 0 0 0 PCI-MSI ens1f0-0\n 26: 1 0 0 0 0 0 0 0 PCI-MSI vfio-msix[0](0000:01:00.0)\n',
};

export interface Machine {
  readonly host: SimulatedHost;
  readonly state: SimulatedTuning;
}

export interface MachineOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly writes?: Readonly<Record<string, SimulatedWrite>>;
  readonly commands?: Readonly<Record<string, SimulatedCommand>>;
  readonly directories?: NonNullable<SimulateTuningOptions['directories']>;
}

const refuse: SimulatedWrite = (text) => {
  throw new Refusal(`Input/output error: ${text}`);
};

/** chrt as it acts on /proc/PID/stat: fields 40 and 41. */
const chrt =
  (host: () => SimulatedHost): SimulatedCommand =>
  ([, policy = '', , priority = '', pid = '']) => {
    const path = `/proc/${pid}/stat`;
    const [head = '', tail = ''] = (host().files.get(path) ?? '').split(') ');
    const fields = tail.split(' ');
    fields[37] = priority;
    fields[38] = policy === '-f' ? '1' : '0';
    host().files.set(path, `${head}) ${fields.join(' ')}`);
    return '';
  };

/** The server above as a host on which tunings can be applied. Interrupt 0 can't be moved, as on real ones. */
export const simulatedServer = (options: MachineOptions = {}): Machine => {
  const self = (): SimulatedHost => host;
  const { commands, state } = simulateTuning(self, { directories: options.directories ?? {} });
  const files = Object.fromEntries(
    Object.entries({ ...server, ...options.files }).filter(([path]) => !(options.without ?? []).includes(path)),
  );
  const choice: SimulatedWrite = (text, { files: tree }) => {
    tree.set(
      '/sys/kernel/mm/transparent_hugepage/enabled',
      `${['always', 'madvise', 'never'].map((word) => (word === text.trim() ? `[${word}]` : word)).join(' ')}\n`,
    );
  };
  const host: SimulatedHost = new SimulatedHost({
    files,
    commands: { ...commands, chrt: chrt(self), ...options.commands },
    writes: {
      '/proc/irq/0/smp_affinity_list': refuse,
      '/proc/sys/kernel/sched_rt_period_us': (text) => {
        if (text.trim() === '-1') throw new Refusal();
      },
      '/sys/kernel/mm/transparent_hugepage/enabled': choice,
      ...options.writes,
    },
  });
  return { host, state };
};

/** A tuning of some knobs alone, or of a profile. */
export const tuningOf = async (spec: z.input<typeof tuningSchema>): Promise<ResolvedTuning> =>
  resolveTuning(tuningSchema.parse(spec), await loadProfiles(), knobsByName());

/** Files that differ in the kernel's eyes: those of our own directory left out. */
export const treeOf = ({ host }: Machine): Record<string, string> =>
  Object.fromEntries([...host.files].sort(([a], [b]) => (a < b ? -1 : 1)));
