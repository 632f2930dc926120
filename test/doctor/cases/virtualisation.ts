import { expect } from 'chai';
import { cpuinfo, arm, intel, type Case } from './case.js';

export const virtualisation: readonly Case[] = [
  // Devices.
  {
    it: 'knows a switched-off IOMMU from one that was not asked for',
    machine: 'iommu-off-in-firmware',
    isolated: '2-3',
    says: [
      { check: 'iommu', what: /although it was booted with intel_iommu=on/, mend: /^Enable VT-d in the firmware\.$/ },
    ],
  },
  {
    it: 'asks for no parameter where the kernel passes through by itself',
    machine: 'iommu-default-passthrough',
    isolated: '2-3',
    spares: ['iommu'],
  },
  // Guests, on every architecture.
  {
    it: 'knows a guest on arm64',
    machine: 'arm64-kvm-guest',
    isolated: '2-7',
    says: [
      { check: 'virtual-machine', what: /a guest of KVM$/ },
      { check: 'kvm', severity: 'info' },
      { check: 'iommu', severity: 'info' },
    ],
    spares: ['resctrl', 'hwlat'],
  },
  {
    it: 'takes bare arm64 for no guest, and asks it for nothing of x86',
    machine: arm,
    isolated: '2-7',
    spares: ['virtual-machine', 'tsc', 'invariant-tsc', 'tsc-deadline', 'clocksource', 'smi'],
    also: ({ checklist }) => {
      const settings = checklist.map(({ setting }) => setting).join('; ');
      expect(settings).not.to.match(/TXT|VT-x|Legacy USB|Port 60|Execute disable/);
    },
  },
  {
    it: 'knows a guest by the device tree',
    machine: arm,
    isolated: '2-7',
    files: { '/proc/device-tree/hypervisor/compatible': 'linux,kvm\0' },
    says: [{ check: 'virtual-machine', what: /KVM$/ }],
  },
  {
    it: "knows QEMU's machine for arm64 without KVM",
    machine: arm,
    isolated: '2-7',
    files: { '/proc/device-tree/compatible': 'linux,dummy-virt\0' },
    says: [{ check: 'virtual-machine', severity: 'critical', what: /QEMU/ }],
  },
  {
    it: 'knows a guest of Xen, and that dom0 is none',
    machine: intel,
    isolated: '2-3',
    files: { '/sys/hypervisor/type': 'xen\n', '/proc/cpuinfo': cpuinfo('hypervisor') },
    says: [{ check: 'virtual-machine', what: /Xen$/ }],
  },
  {
    it: 'takes dom0 of Xen for a host',
    machine: intel,
    isolated: '2-3',
    files: {
      '/sys/hypervisor/type': 'xen\n',
      '/proc/xen/capabilities': 'control_d\n',
      '/proc/cpuinfo': cpuinfo('hypervisor'),
    },
    spares: ['virtual-machine'],
  },
  {
    it: 'says as much where only the processor tells that there is a hypervisor',
    machine: intel,
    isolated: '2-3',
    files: { '/proc/cpuinfo': cpuinfo('hypervisor') },
    says: [{ check: 'virtual-machine', what: /itself a guest$/ }],
  },
];
