import { microseconds as us, type Cost } from '../finding.js';

/** What a knob costs that is not set: `dpdk` where it is another amount for threads that poll; `none`: nothing. */
export interface KnobCost {
  readonly realtime: Cost;
  readonly dpdk?: Cost | 'none';
}

const kernelDocs = (page: string): string => `Linux, Documentation/${page}`;
const estimated = (page: string): string => `estimated; ${kernelDocs(page)}`;
const rtPeriod = us(50_000, 50_000, `${kernelDocs('scheduler/sched-rt-group.rst')}: 950 ms of each second`);
const basicForwarding =
  'OPNFV summit 2016 (KVM4NFV): 64 B through an assigned NIC, 373.9 us at most on an untuned host, 101.8 us on a tuned one';

const isolation = us(
  10,
  3000,
  `${kernelDocs('scheduler/sched-eevdf.rst')}: a task that is balanced to the CPU has it for a slice, up to 3 ms`,
);
const interrupt = us(
  2,
  50,
  'rtla timerlat of the kernel documents: interrupts of 12 to 21 us; their softirqs add to it',
);

/** Costs of knobs by name. What this machine itself shows, such as the exit latency of its idle states, is in `here.ts`. */
export const knobCosts: Readonly<Record<string, KnobCost>> = {
  irqbalance: { realtime: interrupt },
  services: { realtime: us(1, 300, estimated('admin-guide/pm/working-state.rst')) },
  smt: { realtime: us(1, 50, estimated('admin-guide/hw-vuln/core-scheduling.rst')) },
  'idle-loop': { realtime: us(2, 130, estimated('admin-guide/pm/cpuidle.rst')) },
  governor: { realtime: us(10, 50, estimated('admin-guide/pm/cpufreq.rst')) },
  turbo: { realtime: us(1, 20, estimated('admin-guide/pm/intel_pstate.rst')) },
  'energy-bias': { realtime: us(1, 9, estimated('admin-guide/pm/intel_epb.rst')) },
  'minimum-performance': { realtime: us(1, 9, estimated('admin-guide/pm/intel_pstate.rst')) },
  'p-state-driver': { realtime: us(5, 30, estimated('admin-guide/pm/intel_pstate.rst')) },
  'platform-profile': { realtime: us(1, 9, estimated('ABI/testing/sysfs-platform_profile')) },
  iommu: { realtime: us(0.1, 1, estimated('arch/x86/iommu.rst')) },
  'pcie-aspm': {
    realtime: us(1, 32, 'PCI Express base specification, Link Capabilities: L1 exit latency of 32 us and less'),
  },
  'machine-checks': { realtime: us(2, 20, estimated('arch/x86/x86_64/machinecheck.rst')) },
  tsc: { realtime: us(1, 5, estimated('timers/timekeeping.rst')) },
  isolcpus: { realtime: isolation },
  'cpuset-partition': { realtime: isolation },
  'nohz-full': { realtime: us(1, 10, estimated('timers/no_hz.rst')) },
  'rcu-nocbs': { realtime: us(10, 300, estimated('RCU/Design/Expedited-Grace-Periods')) },
  irqaffinity: { realtime: us(2, 9, estimated('core-api/irq/irq-affinity.rst')) },
  'irq-affinity': { realtime: interrupt },
  'workqueue-affinity': { realtime: us(10, 300, estimated('core-api/workqueue.rst')) },
  'kthread-priorities': {
    realtime: us(10, 500, estimated('admin-guide/kernel-per-CPU-kthreads.rst')),
    dpdk: 'none',
  },
  'task-affinity': { realtime: isolation },
  'systemd-cpu-affinity': { realtime: isolation },
  'rcu-patience': { realtime: us(1, 5, estimated('admin-guide/kernel-parameters.txt')) },
  'network-rps-default': { realtime: us(2, 9, estimated('admin-guide/sysctl/net.rst')) },
  'network-rps': { realtime: us(2, 100, estimated('networking/scaling.rst')) },
  'timestamp-key': { realtime: us(1, 9, estimated('staging/static-keys.rst')) },
  'selinux-avc-threshold': { realtime: us(1, 30, 'estimated; security/selinux/avc.c of Linux') },
  'uncore-frequency': { realtime: us(0.1, 5, estimated('admin-guide/pm/intel_uncore_frequency_scaling.rst')) },
  'maximum-frequency': { realtime: us(1, 9, estimated('admin-guide/pm/cpufreq.rst')) },
  stalld: { realtime: us(10, 30, 'estimated; stalld(8): it boosts a starved thread for some microseconds') },
  // Nobody but real-time tasks is throttled, and polling threads as a rule are none.
  'rt-throttling': { realtime: rtPeriod, dpdk: 'none' },
  'fair-server': { realtime: rtPeriod, dpdk: 'none' },
  watchdogs: { realtime: us(2, 9, estimated('admin-guide/lockup-watchdogs.rst')) },
  nosoftlockup: { realtime: us(2, 5, estimated('admin-guide/lockup-watchdogs.rst')) },
  'timer-migration': { realtime: us(1, 5, estimated('admin-guide/sysctl/kernel.rst')) },
  'stat-interval': { realtime: us(2, 9, estimated('admin-guide/sysctl/vm.rst')) },
  'transparent-hugepages': { realtime: us(10, 500, estimated('admin-guide/mm/transhuge.rst')) },
  ksm: { realtime: us(2, 9, estimated('admin-guide/mm/ksm.rst')) },
  'numa-balancing': { realtime: us(2, 100, estimated('admin-guide/sysctl/kernel.rst')) },
  'dirty-limits': { realtime: us(2, 9, estimated('admin-guide/sysctl/vm.rst')) },
  compaction: { realtime: us(2, 9, estimated('admin-guide/sysctl/vm.rst')) },
  'hung-task-timeout': { realtime: us(0.1, 1, estimated('admin-guide/sysctl/kernel.rst')) },
  'split-lock': {
    realtime: us(10_000, 10_000, `${kernelDocs('admin-guide/sysctl/kernel.rst')} (split_lock_mitigate)`),
  },
  hugepages: { realtime: us(0.1, 1, estimated('admin-guide/mm/hugetlbpage.rst')) },
  'hugepages-boot': { realtime: us(0.1, 1, estimated('admin-guide/mm/hugetlbpage.rst')) },
  'locked-memory': {
    realtime: us(1, 10_000, 'getrlimit(2): a page that is not locked may have to come back from disk'),
  },
  mitigations: { realtime: us(0.1, 5, estimated('admin-guide/hw-vuln')) },
  audit: { realtime: us(0.1, 1, 'estimated; auditctl(8)') },
  'rcu-kthread-priority': { realtime: us(10, 500, estimated('RCU/stallwarn.rst')), dpdk: 'none' },
  'rcu-normal-after-boot': { realtime: us(1, 5, estimated('RCU/Design/Expedited-Grace-Periods')) },
  'device-driver': { realtime: us(200, 370, basicForwarding) },
  'cache-allocation': {
    realtime: us(
      1,
      22,
      'KVM4NFV, March 2017: cyclictest in a guest 8 us at most idle, up to 30 us under memory stress',
    ),
  },
  'kvm-halt-polling': { realtime: us(5, 50, estimated('virt/kvm/halt-polling.rst')) },
  'kvm-parameters': { realtime: us(1, 9, estimated('admin-guide/kernel-parameters.txt')) },
  'kvm-preemption-timer': {
    realtime: us(1, 2, 'KVM4NFV: 30 % of the average of 5 us of cyclictest in a guest'),
  },
  threadirqs: { realtime: us(2, 50, estimated('admin-guide/kernel-parameters.txt')) },
  'irq-thread-priority': { realtime: us(2, 50, estimated('admin-guide/kernel-parameters.txt')) },
};

/** Where a knob is not in the table: by its weight. */
export const costByWeight = (weight: 'major' | 'minor' | undefined): Cost =>
  weight === 'major' ? us(10, 50, 'estimated') : us(1, 9, 'estimated');
