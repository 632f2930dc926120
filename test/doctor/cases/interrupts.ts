import { intel, type Case } from './case.js';

export const interrupts: readonly Case[] = [
  // Interrupts.
  {
    it: 'lets irqbalance run where the isolated CPUs are banned',
    machine: 'irqbalance-banned-cpulist',
    isolated: '2-3',
    commands: {
      systemctl: ([, , unit]) => (unit === 'irqbalance.service' ? 'active\n' : { exitCode: 3, stdout: 'inactive\n' }),
    },
    spares: ['irqbalance', 'irq-affinity'],
  },
  {
    it: 'lets irqbalance run where the kernel isolates them, which irqbalance heeds by itself',
    machine: 'cmdline-openshift-performanceprofile',
    commands: { systemctl: () => 'active\n' },
    spares: ['irqbalance'],
  },
  {
    it: 'says nothing of interrupts that it is shown none of, as in a container',
    machine: 'isolated-by-boot',
    isolated: '2-3',
    without: ['/proc/irq/24/smp_affinity_list', '/proc/irq/25/smp_affinity_list'],
    files: { '/proc/irq/default_smp_affinity': '\n' },
    spares: ['irq-affinity'],
  },
  {
    it: 'tells of irqbalance where nothing keeps it away',
    machine: intel,
    isolated: '2-3',
    commands: { systemctl: () => 'active\n' },
    says: [{ check: 'irqbalance', severity: 'major' }],
  },
  {
    it: 'judges an interrupt by where it goes and not by where it might',
    machine: intel,
    isolated: '2-3',
    files: {
      '/proc/irq/24/smp_affinity_list': '0-1,4-7\n',
      '/proc/irq/24/effective_affinity_list': '0\n',
      '/proc/irq/25/smp_affinity_list': '0-3\n',
      '/proc/irq/25/effective_affinity_list': '1\n',
      '/proc/irq/default_smp_affinity': 'f3\n',
    },
    spares: ['irq-affinity', 'irqaffinity'],
  },
  {
    it: 'names the interrupts that disturb, and their devices',
    machine: intel,
    isolated: '2-3',
    says: [
      { check: 'irq-affinity', severity: 'major', what: /IRQ 25 \(nvme0q1\) on CPU 3/, mend: /managed_irq,domain,2-3/ },
    ],
  },
];
