import type { GoalName } from './figures.js';

/** An item of the KVM4NFV requirements: what can be configured, and by what it is configured here. */
export interface Requirement {
  readonly title: string;
  /** Knobs by name. */
  readonly knobs: readonly string[];
  /** Settings of the firmware by name, as `kvm4nfv doctor` lists them. */
  readonly firmware?: readonly string[];
  /** What else there is to do, where no knob can. */
  readonly also?: string;
  readonly goals: readonly GoalName[];
}

export interface Area {
  readonly title: string;
  readonly requirements: readonly Requirement[];
}

/** "Configurations that can be made", in the order of the requirements document. */
export const areas: readonly Area[] = [
  {
    title: 'Platform configuration',
    requirements: [
      {
        title: 'Power management',
        knobs: [
          'c-states',
          'cpu-wakeup-latency',
          'governor',
          'turbo',
          'energy-bias',
          'minimum-performance',
          'p-state-driver',
          'platform-profile',
          'maximum-frequency',
          'uncore-frequency',
          'pcie-aspm',
        ],
        firmware: [
          'CPU power and performance policy',
          'CPU C-states, C3, C6',
          'C1E autopromote',
          'Enhanced SpeedStep, P-states',
          'Turbo Boost',
        ],
        goals: ['timer', 'interrupt'],
      },
      {
        title: 'Hyper-Threading',
        knobs: ['smt'],
        firmware: ['Hyper-Threading (SMT)'],
        goals: ['timer', 'stressed'],
      },
      {
        title: 'Legacy USB support, port 60/64 emulation',
        knobs: [],
        firmware: ['USB controller; USB 3', 'Legacy USB support', 'Port 60/64 emulation'],
        also: 'Both are emulated by SMIs: see the next item for how to count them.',
        goals: ['smi'],
      },
      {
        title: 'SMI',
        knobs: ['services', 'machine-checks'],
        firmware: ['Correctable error threshold', 'TXT'],
        also: '`kvm4nfv doctor HOST --smi 30s` counts them, or looks for gaps with the hwlat tracer. Nothing in the kernel can keep them away.',
        goals: ['smi', 'timer'],
      },
    ],
  },
  {
    title: 'Operating system configuration',
    requirements: [
      {
        title: 'CPU isolation',
        knobs: [
          'isolcpus',
          'cpuset-partition',
          'task-affinity',
          'systemd-cpu-affinity',
          'workqueue-affinity',
          'kthread-priorities',
          'watchdogs',
          'stat-interval',
        ],
        firmware: ['Active processor cores'],
        goals: ['timer', 'preemption', 'stressed'],
      },
      {
        title: 'Memory allocation',
        knobs: [
          'hugepages',
          'hugepages-boot',
          'hugetlbfs',
          'locked-memory',
          'transparent-hugepages',
          'ksm',
          'compaction',
          'swappiness',
        ],
        firmware: ['Memory RAS mode', 'Patrol scrub, demand scrub'],
        goals: ['packet', 'preemption'],
      },
      {
        title: 'IRQ affinity',
        knobs: ['irq-affinity', 'irqaffinity', 'irqbalance', 'timestamp-key', 'network-rps-default'],
        goals: ['interrupt', 'timer'],
      },
      {
        title: 'Device assignment for VM',
        knobs: ['iommu', 'device-driver'],
        firmware: ['Virtualization (VT-x, AMD-V)', 'VT-d, AMD-Vi, SMMU (IOMMU)'],
        also: 'The context `sriov-vf` makes virtual functions, binds them and gives them to guests.',
        goals: ['packet', 'interrupt'],
      },
      { title: 'Tickless', knobs: ['nohz-full', 'skew-tick', 'timer-migration'], goals: ['timer', 'preemption'] },
      { title: 'TSC', knobs: ['clocksource', 'tsc'], goals: ['timer'] },
      { title: 'Idle', knobs: ['idle-loop', 'kvm-halt-polling'], goals: ['timer', 'interrupt'] },
      {
        title: 'RCU_NOCB',
        knobs: ['rcu-nocbs', 'rcu-normal-after-boot', 'rcu-kthread-priority', 'rcu-patience'],
        goals: ['timer', 'preemption'],
      },
      {
        title: 'Disable the RT throttling',
        knobs: ['rt-throttling', 'fair-server', 'stalld'],
        goals: ['timer', 'preemption'],
      },
      {
        title: 'NUMA',
        knobs: ['numa-balancing', 'hugepages'],
        firmware: ['NUMA optimized', 'Cluster-on-die / sub-NUMA clustering', 'NUMA nodes per socket (NPS)'],
        also: '`kvm4nfv doctor` says so where the isolated CPUs are on several nodes, or nodes have no CPUs; `with: { node: 0 }` chooses the node of memory.',
        goals: ['packet', 'timer'],
      },
    ],
  },
  {
    title: 'Performance and latency tuning',
    requirements: [
      {
        title: 'Timers',
        knobs: ['kvm-preemption-timer', 'kvm-parameters', 'timer-migration'],
        goals: ['timer'],
      },
      {
        title: 'Making vfio MSI interrupts non-threaded',
        knobs: ['irq-thread-priority', 'threadirqs'],
        also: 'Where the kernel threads them all the same (PREEMPT_RT), the thread is put above what runs on its CPU.',
        goals: ['interrupt'],
      },
      {
        title: 'Cache allocation technology (CAT)',
        knobs: ['cache-allocation'],
        goals: ['stressed', 'packet'],
      },
    ],
  },
];

/** "Features to be tested", and the scenario that does it. */
export const tests: readonly {
  readonly title: string;
  readonly scenario: string;
  readonly goals: readonly GoalName[];
}[] = [
  { title: 'Timer test', scenario: 'timer', goals: ['timer', 'stressed', 'acceptance'] },
  { title: 'Device interrupt test', scenario: 'device-interrupt', goals: ['interrupt', 'preemption'] },
  { title: 'Packet forwarding (DPDK OVS)', scenario: 'packet-forwarding', goals: ['packet'] },
  { title: 'Packet forwarding (SR-IOV)', scenario: 'packet-forwarding', goals: ['packet'] },
  { title: 'Bare-metal packet forwarding', scenario: 'packet-forwarding', goals: ['packet'] },
  { title: 'Fast live migration', scenario: 'live-migration', goals: ['migration'] },
  { title: 'Inter-VM communication', scenario: 'inter-vm', goals: ['interVm'] },
];
