type Files = ReadonlyMap<string, string>;

/** DMI vendors and products of hypervisors, named as systemd-detect-virt names them; the first that fits. */
const vendors: readonly (readonly [string, string])[] = [
  ['Amazon EC2', 'amazon'],
  ['Google', 'google'],
  ['VMware', 'vmware'],
  ['Microsoft', 'microsoft'],
  ['innotek GmbH', 'oracle'],
  ['Xen', 'xen'],
  ['Parallels', 'parallels'],
  ['OpenStack', 'kvm'],
  ['KubeVirt', 'kvm'],
  ['KVM Virtual Machine', 'kvm'],
];

/** What a hypervisor calls itself in the device tree of a guest. */
const compatibles: readonly (readonly [RegExp, string])[] = [
  [/linux,kvm/, 'kvm'],
  [/xen/, 'xen'],
  [/vmware/, 'vmware'],
];

const byDeviceTree = (files: Files): string | undefined => {
  const hypervisor = files.get('/proc/device-tree/hypervisor/compatible') ?? '';
  const found = compatibles.find(([pattern]) => pattern.test(hypervisor))?.[1];
  if (found !== undefined) return found;
  // QEMU's `virt` machine for arm64 and RISC-V; it does not say whether KVM runs it.
  return /dummy-virt|qemu/.test(files.get('/proc/device-tree/compatible') ?? '') ? 'qemu' : undefined;
};

const byClock = (files: Files): string | undefined => {
  const clocks = files.get('/sys/devices/system/clocksource/clocksource0/available_clocksource') ?? '';
  if (/\bkvm-clock\b/.test(clocks)) return 'kvm';
  return /\bhyperv_clocksource/.test(clocks) ? 'microsoft' : undefined;
};

const byDmi = (files: Files, x86: boolean): string => {
  const dmi = `${files.get('/sys/class/dmi/id/sys_vendor') ?? ''} ${files.get('/sys/class/dmi/id/product_name') ?? ''}`;
  const found = vendors.find(([vendor]) => dmi.includes(vendor))?.[1];
  // On x86 KVM guests have QEMU's DMI as well.
  return found ?? (!x86 && dmi.includes('QEMU') ? 'qemu' : 'unknown');
};

/** Where systemd is not there to tell: a guest knows its hypervisor by the paravirtual clock, Xen's file, the device tree or DMI. */
const guess = (files: Files): string => {
  if (files.get('/sys/hypervisor/type') === 'xen') return 'xen';
  const cpu = files.get('/proc/cpuinfo') ?? '';
  const paravirtual = byClock(files);
  if (paravirtual !== undefined) return paravirtual;
  if (/^model name\s*: QEMU (TCG|Virtual) CPU/m.test(cpu)) return 'qemu';
  const hypervisor = /^flags\s*:.*\bhypervisor\b/m.test(cpu);
  // Microsoft and Google sell bare metal under the same DMI names: x86 tells a guest by a CPU flag.
  const x86 = /^flags\s*:/m.test(cpu);
  if (x86 && !hypervisor) return 'none';
  return (x86 ? undefined : byDeviceTree(files)) ?? byDmi(files, x86);
};

/** The hypervisor that a host runs under, as systemd-detect-virt names it: none, kvm, qemu (TCG), vmware, xen, ...; `unknown` where nothing tells. */
export const virtualisationOf = (files: Files): string => {
  const told = files.get(':virtualisation')?.trim() ?? '';
  return told === '' ? guess(files) : told;
};
