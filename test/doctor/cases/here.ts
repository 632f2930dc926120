import { cpuinfo, cmdline, swaps, intel, type Case } from './case.js';

export const here: readonly Case[] = [
  // Only what is true here.
  {
    it: 'says nothing of swap and swappiness where there is no swap',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/sys/vm/swappiness': '60\n' },
    spares: ['swap', 'swappiness'],
  },
  {
    it: 'tells compressed swap from a disk',
    machine: 'zram-swap',
    isolated: '2-3',
    says: [{ check: 'swap', severity: 'major', what: /compressed memory \(\/dev\/zram0, 8\.0 GiB, none of it used\)/ }],
    spares: ['swappiness'],
  },
  {
    it: 'tells of swap on a disk, and how much of it is used',
    machine: intel,
    isolated: '2-3',
    files: swaps('/dev/sda3  partition 8388604 524288 -2'),
    says: [{ check: 'swap', severity: 'critical', what: /^swap is on \(\/dev\/sda3, 8\.0 GiB, 512 MiB used\)$/ }],
  },
  {
    it: 'says nothing of split locks on a processor that detects none',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/sys/kernel/split_lock_mitigate': '1\n' },
    spares: ['split-lock'],
  },
  {
    it: 'tells of split locks on one that does',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/sys/kernel/split_lock_mitigate': '1\n', '/proc/cpuinfo': cpuinfo('split_lock_detect') },
    says: [{ check: 'split-lock', severity: 'critical' }],
  },
  {
    it: 'says nothing of split locks where their detection was switched off at boot',
    machine: intel,
    isolated: '2-3',
    files: {
      '/proc/sys/kernel/split_lock_mitigate': '1\n',
      '/proc/cpuinfo': cpuinfo('split_lock_detect'),
      ...cmdline('split_lock_detect=off'),
    },
    spares: ['split-lock'],
  },
  {
    it: 'leaves the links of PCIe alone where none may sleep',
    machine: intel,
    isolated: '2-3',
    files: { '/sys/module/pcie_aspm/parameters/policy': '[default] performance powersave\n' },
    spares: ['pcie-aspm'],
  },
  {
    it: 'tells of links of PCIe that may sleep',
    machine: intel,
    isolated: '2-3',
    files: {
      '/sys/module/pcie_aspm/parameters/policy': '[default] performance powersave\n',
      '/sys/bus/pci/devices/0000:3b:00.0/link/l1_aspm': '1\n',
    },
    says: [{ check: 'pcie-aspm' }],
  },
  {
    it: 'wants no boot parameter against a watchdog that does not run',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/sys/kernel/watchdog': '0\n' },
    spares: ['nosoftlockup'],
  },
  {
    it: 'knows that recent kernels check the TSC of recent processors no more',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/cpuinfo': cpuinfo('tsc_adjust') },
    spares: ['tsc'],
  },
  {
    it: 'takes SMIs of the firmware itself for no fault',
    machine: 'smi-only-during-post',
    isolated: '2-3',
    commands: { od: () => '                   37\n' },
    says: [{ check: 'smi', severity: 'info', what: /37 SMIs since the processor was reset/, mend: /doctor --smi 30s/ }],
  },
  {
    it: 'tells of more SMIs than any start of a firmware takes',
    machine: intel,
    isolated: '2-3',
    commands: { od: () => '               360000\n' },
    says: [{ check: 'smi', severity: 'major', what: /360000 SMIs in 100\.0 hours, about 3500 an hour/ }],
  },
  {
    it: 'does not claim that tools are missing where it could not look',
    machine: intel,
    isolated: '2-3',
    spares: ['tools'],
  },
];
