import { arm, cmdline, intel, type Case } from './case.js';

export const processor: readonly Case[] = [
  // Processors and clocks.
  {
    it: 'tells of isolated CPUs of two kinds',
    machine: 'hybrid-p-and-e-cores',
    isolated: '2-5',
    says: [{ check: 'hybrid', severity: 'major', what: /P cores 2-3, E cores 4-5/ }],
    spares: ['siblings'],
  },
  {
    it: 'says only that there are two kinds where the isolated ones are of one',
    machine: 'hybrid-p-and-e-cores',
    isolated: '2-3',
    says: [{ check: 'hybrid', severity: 'info' }],
  },
  {
    it: 'knows the kinds of arm64 by their capacity',
    machine: arm,
    isolated: '3-4',
    files: Object.fromEntries(
      Array.from({ length: 8 }, (_, cpu) => [
        `/sys/devices/system/cpu/cpu${String(cpu)}/cpu_capacity`,
        cpu < 4 ? '1024\n' : '512\n',
      ]),
    ),
    says: [{ check: 'hybrid', severity: 'major', what: /capacity 1024 3, cores of capacity 512 4/ }],
  },
  {
    it: 'tells of a TSC that the kernel has given up, and gives no parameter that would hide it',
    machine: 'tsc-unstable-hpet',
    isolated: '2-3',
    says: [{ check: 'clocksource', severity: 'major', what: /hpet: the kernel found the TSC unstable/, mend: /dmesg/ }],
    spares: ['tsc'],
  },
  {
    it: 'says once that there is no invariant TSC, and which clock has come of it',
    machine: 'tsc-unstable-hpet',
    isolated: '2-3',
    files: { '/proc/cpuinfo': 'vendor_id\t: GenuineIntel\nflags\t\t: fpu nx vmx tsc_deadline_timer\n' },
    says: [{ check: 'invariant-tsc', severity: 'major', what: /no constant_tsc, nonstop_tsc, so the clock is hpet$/ }],
    spares: ['clocksource', 'tsc'],
  },
  {
    it: 'tells of a slow clock that was asked for at boot',
    machine: intel,
    isolated: '2-3',
    files: {
      '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n',
      ...cmdline('clocksource=hpet'),
    },
    says: [{ check: 'clocksource', severity: 'major', mend: /^Boot without clocksource=hpet\.$/ }],
  },
  {
    it: 'tells of a slow clock that was chosen later, where the TSC is still offered',
    machine: intel,
    isolated: '2-3',
    files: { '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'acpi_pm\n' },
    says: [{ check: 'clocksource', severity: 'major', mend: /^Boot with clocksource=tsc\.$/ }],
  },
  {
    it: "finds the clock of Hyper-V's guests good, and asks for no TSC there",
    machine: 'hyperv-guest-clock',
    isolated: '2-3',
    says: [{ check: 'virtual-machine', what: /a guest of Hyper-V$/ }],
    spares: ['clocksource', 'tsc', 'invariant-tsc', 'tsc-deadline'],
  },
  {
    it: 'tells what mitigations cost, by what they do',
    machine: 'mitigations',
    isolated: '2-3',
    says: [
      {
        check: 'mitigations',
        what: /L1 cache flushed at entries to guests \(l1tf\).*huge pages of guests split.*\(itlb_multihit\).*CPU buffers cleared.*\(mds\)/,
        mend: /^Only where all code on the machine and in its guests is trusted/,
      },
    ],
  },
  { it: 'says nothing of mitigations where none is on', machine: intel, isolated: '2-3', spares: ['mitigations'] },
];
