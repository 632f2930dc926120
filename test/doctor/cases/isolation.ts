import { expect } from 'chai';
import { cmdline, intel, type Case } from './case.js';

export const isolation: readonly Case[] = [
  // Isolated CPUs are those of the kernel.
  {
    it: 'takes the isolated CPUs from the kernel and compares only these',
    machine: 'isolated-by-boot',
    says: [
      {
        check: 'c-states',
        severity: 'major',
        what: /^CPUs 2-3 may go to state1, which takes 133 us to leave/,
        mend: /cpu in 2 3; do echo 1 >.*state1/,
      },
    ],
    spares: ['isolated-cpus', 'isolcpus', 'nohz-full', 'rcu-nocbs', 'cpu-sets'],
    also: ({ isolated }) => {
      expect(isolated).to.equal('2-3');
    },
  },
  {
    it: 'leaves idle states alone that tuned keeps every CPU from (force_latency)',
    machine: 'isolated-by-boot',
    commands: { od: ([, , type]) => (type === '-td4' ? '          1\n' : { exitCode: 1 }) },
    spares: ['c-states'],
  },
  {
    it: 'leaves idle states alone that the kernel was told to keep the isolated CPUs from',
    machine: 'isolated-by-boot',
    files: {
      '/sys/devices/system/cpu/cpu2/power/pm_qos_resume_latency_us': 'n/a\n',
      '/sys/devices/system/cpu/cpu3/power/pm_qos_resume_latency_us': 'n/a\n',
    },
    spares: ['c-states'],
  },
  {
    it: 'takes those of a cgroup partition too',
    machine: intel,
    files: { '/sys/fs/cgroup/cpuset.cpus.isolated': '6-7\n' },
    spares: ['isolcpus'],
    also: ({ isolated }) => {
      expect(isolated).to.equal('6-7');
    },
  },
  {
    it: 'says what was not compared where there are none',
    machine: intel,
    says: [{ check: 'isolated-cpus', severity: 'info', what: /the kernel isolates none/ }],
  },
  ...['cmdline-openshift-performanceprofile', 'cmdline-suse-edge', 'cmdline-tuned-comma-lists'].map((machine) => ({
    it: `finds ${machine} isolated rightly, however it is written`,
    machine,
    spares: ['isolcpus', 'nohz-full', 'rcu-nocbs', 'cpu-sets', 'cmdline-spelling', 'isolated-cpus'],
  })),
  // Contradictions.
  {
    it: 'tells each contradiction of the CPU sets, and what has come of it',
    machine: 'cmdline-sets-that-contradict',
    says: [
      { check: 'cpu-sets', severity: 'critical', what: /takes isolcpus=2-5 and not isolcpus=6-7, so CPUs 6-7/ },
      { check: 'cpu-sets', what: /CPUs 4-5 are isolated and not in nohz_full \(2-3\)/ },
      { check: 'cpu-sets', what: /with nohz=off, which takes all effect from it/, mend: /Boot without nohz=off/ },
      { check: 'cpu-sets', what: /irqaffinity=0-3 names CPUs 2-3, which are isolated/, mend: /irqaffinity=0-1,6-7/ },
      { check: 'cmdline-spelling', what: /processor\.max_cstates=1/, mend: /processor\.max_cstate=1/ },
      { check: 'cmdline-spelling', what: /idle=pol/ },
      { check: 'cmdline-spelling', what: /nosmt=off switches SMT off/ },
    ],
    // nohz_full 2-3 and rcu_nocbs 4-7 together cover what is isolated.
    spares: ['rcu-nocbs'],
  },
  {
    it: 'tells of CPUs without a tick that tasks come to',
    machine: intel,
    files: { '/sys/devices/system/cpu/isolated': '2\n', '/sys/devices/system/cpu/nohz_full': '2-3\n' },
    says: [{ check: 'cpu-sets', severity: 'critical', what: /CPUs 3 are in nohz_full and not isolated/ }],
  },
  {
    it: 'tells of isolcpus= that came to nothing',
    machine: intel,
    files: cmdline('isolcpus=2-a'),
    says: [{ check: 'cpu-sets', what: /isolcpus=2-a, but the kernel can not read that as CPUs/ }],
  },
  {
    it: 'does not take isolcpus=managed_irq for isolation',
    machine: intel,
    isolated: '2-3',
    files: cmdline('isolcpus=managed_irq,2-3'),
    says: [{ check: 'isolcpus', severity: 'critical' }],
    spares: ['cpu-sets'],
  },
  {
    it: 'tells of rcu_nocbs= that the kernel was not built for',
    machine: 'rcu-nocbs-kernel-without-offload',
    isolated: '2-3',
    says: [{ check: 'cpu-sets', severity: 'major', what: /no thread that takes RCU callbacks/, mend: /RCU_NOCB_CPU/ }],
  },
  {
    it: 'concludes nothing from threads that a container does not show',
    machine: 'rcu-nocbs-kernel-without-offload',
    isolated: '2-3',
    without: ['/proc/21/stat', '/proc/22/stat'],
    spares: ['cpu-sets'],
  },
  {
    it: 'takes no parameter of the kernel for a slip of another',
    machine: intel,
    files: cmdline(
      'nosmap nosmep tsx=off ide0=noprobe hugetlb_cma=1G preempt=full iommu.strict=1 nmi_watchdog=0 -- idle=pol',
    ),
    spares: ['cmdline-spelling'],
  },
  {
    it: "names KVM4NFV's own slip",
    machine: intel,
    files: cmdline('pcie_asmp=off'),
    says: [{ check: 'cmdline-spelling', mend: /^Write pcie_aspm=off\.$/ }],
  },
];
