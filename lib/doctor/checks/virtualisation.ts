import { files, matching, names, text, type Snapshot } from '../../tuning/reading.js';
import { bootLine } from '../distribution.js';
import { findingOf, type Cost, type Finding } from '../finding.js';
import { hypervisorTitle, type Platform } from '../platform.js';
import type { Check, Seen } from '../seen.js';

/** What cyclictest saw in a virtual machine on shared, emulated hardware; nothing that is measured there is of use. */
const emulation: Cost = {
  least: 2_260_000,
  most: 8_378_000,
  source: 'measured: cyclictest and oslat for a second on a virtual machine without KVM of its own',
};

const kvmMend = ({ architecture, vendor, hypervisor }: Platform): string => {
  if (hypervisor !== undefined) return 'On its host: nested virtualisation (kvm_intel.nested=1, kvm_amd.nested=1).';
  if (architecture === 'arm64') return 'Let the firmware start the kernel in EL2; use a kernel with CONFIG_KVM=y.';
  if (architecture === 'other') return 'Use a kernel with CONFIG_KVM.';
  return vendor === 'amd'
    ? 'Enable SVM (AMD-V) in the firmware, then: modprobe kvm_amd'
    : 'Enable VT-x in the firmware, then: modprobe kvm_intel';
};

export const noKvm = ({ platform }: Pick<Seen, 'platform'>, what: string): Finding =>
  findingOf({
    check: 'kvm',
    what,
    costs: 'Guests are emulated by TCG: their latencies say nothing about real hardware.',
    // A guest is seldom there to have guests itself.
    ...(platform.hypervisor === undefined ? { cost: emulation } : {}),
    mend: kvmMend(platform),
  });

/** Knobs of KVM's modules: without guests they set nothing. */
export const forGuests = ['kvm-parameters', 'kvm-preemption-timer', 'kvm-halt-polling'] as const;

export const kvm: Check = {
  reads: [names('/dev/kvm')],
  look: (seen) =>
    seen.now.names.has('/dev/kvm')
      ? undefined
      : { findings: [noKvm(seen, '/dev/kvm is not there')], silences: [...forGuests] },
};

const groups = '/sys/kernel/iommu_groups/';
const hasGroups = (now: Snapshot): boolean => [...now.names].some((name) => name.startsWith(groups));

/** The host's own devices are not translated, whatever made it so: a parameter, or how the kernel was built. */
const passesThrough = (now: Snapshot): boolean => {
  const types = matching(now, /^\/sys\/kernel\/iommu_groups\/[^/]+\/type$/).map(({ text: type }) => type.trim());
  return types.length > 0 && types.every((type) => type === 'identity');
};

const iommuMend = ({ platform, distribution, machine: { cmdline } }: Seen): string => {
  if (platform.hypervisor !== undefined)
    return 'On its host: give this guest an IOMMU (intel-iommu, virtio-iommu, smmuv3), where it has devices to hand on.';
  if (platform.architecture !== 'x86') return 'Enable the SMMU in the firmware.';
  const name = platform.vendor === 'amd' ? 'AMD-Vi (IOMMU)' : 'VT-d';
  const asked = /(?:^|\s)(?:intel_iommu=on|iommu=)/.test(cmdline);
  return platform.vendor === 'amd' || asked
    ? `Enable ${name} in the firmware.`
    : `Enable ${name} in the firmware, and: ${bootLine(['intel_iommu=on', 'iommu=pt'], distribution)}`;
};

export const iommu: Check = {
  reads: [names(`${groups}[0-9]*`), ...files(`${groups}*/type`)],
  look: (seen) => {
    const { now, platform, machine } = seen;
    if (hasGroups(now)) return passesThrough(now) ? { findings: [], silences: ['iommu'] } : undefined;
    const asked = /(?:^|\s)(intel_iommu=on\S*|amd_iommu=on|iommu=pt)/.exec(machine.cmdline)?.[1];
    return {
      findings: [
        findingOf({
          check: 'iommu',
          what: `there are no IOMMU groups${asked === undefined ? '' : ` although it was booted with ${asked}`}, so no device can be assigned to a guest`,
          costs: 'Packets of a guest go through the host instead of to a VF of its own.',
          ...(platform.hypervisor === undefined
            ? {
                cost: {
                  least: 270_000,
                  most: 374_000,
                  source:
                    'OPNFV summit 2016 (KVM4NFV): 289.6 us on average and 373.9 us at most for 64 B on an untuned host, 19.6 and 101.8 us on a tuned one',
                },
              }
            : {}),
          mend: iommuMend(seen),
          ...(platform.architecture === 'x86' ? { knob: 'iommu', suite: 'knobs: { iommu: pt }' } : {}),
        }),
      ],
      silences: ['iommu'],
    };
  },
};

export const guest: Check = {
  reads: [],
  look: ({ platform: { hypervisor } }) => {
    if (hypervisor === undefined) return undefined;
    const what = `this machine is itself a guest${hypervisor === 'unknown' ? '' : ` of ${hypervisorTitle(hypervisor)}`}`;
    if (hypervisor === 'qemu')
      return findingOf({
        check: 'virtual-machine',
        what,
        costs: 'Every instruction is emulated: its latencies say nothing about real hardware.',
        cost: emulation,
        mend: 'Run it under KVM.',
      });
    return findingOf({
      check: 'virtual-machine',
      what,
      costs: 'Its latencies are those of its host, and no better.',
      mend: 'Tune the host as well; see the profile realtime-host.',
    });
  },
};

export const cacheControl: Check = {
  reads: [text('/proc/filesystems')],
  look: ({ now, platform }) => {
    // A guest's cache is its host's to part.
    if (platform.hypervisor !== undefined || (now.texts.get('/proc/filesystems') ?? '').includes('resctrl'))
      return undefined;
    const x86 = platform.architecture === 'x86';
    return findingOf({
      check: 'resctrl',
      what: `no cache or memory bandwidth control (${x86 ? 'RDT, PQoS' : 'MPAM'})`,
      costs: 'Neighbours evict cache lines: up to tens of microseconds in a cold handler.',
      mend: x86
        ? 'A processor with CAT, and a kernel with CONFIG_X86_CPU_RESCTRL.'
        : 'A processor with MPAM, and a kernel that offers it by resctrl.',
      knob: 'cache-allocation',
    });
  },
};
