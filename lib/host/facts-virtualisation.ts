type Files = ReadonlyMap<string, string>;

/** DMI vendors of hypervisors, named as systemd-detect-virt names them. */
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
];

/** Where systemd is not there to tell: a guest knows its hypervisor by the paravirtual clock, Xen's file or DMI. */
const guess = (files: Files): string => {
  if (files.get('/sys/hypervisor/type') === 'xen') return 'xen';
  if (/\bkvm-clock\b/.test(files.get('/sys/devices/system/clocksource/clocksource0/available_clocksource') ?? ''))
    return 'kvm';
  const cpu = files.get('/proc/cpuinfo') ?? '';
  if (/^model name\s*: QEMU (TCG|Virtual) CPU/m.test(cpu)) return 'qemu';
  const dmi = `${files.get('/sys/class/dmi/id/sys_vendor') ?? ''} ${files.get('/sys/class/dmi/id/product_name') ?? ''}`;
  const hypervisor = /^flags\s*:.*\bhypervisor\b/m.test(cpu);
  // Microsoft and Google sell bare metal under the same DMI names: x86 tells a guest by a CPU flag.
  const x86 = /^flags\s*:/m.test(cpu);
  if (x86 && !hypervisor) return 'none';
  return vendors.find(([vendor]) => dmi.includes(vendor))?.[1] ?? 'unknown';
};

/** The hypervisor that a host runs under, as systemd-detect-virt names it: none, kvm, qemu (TCG), vmware, xen, ...; `unknown` where nothing tells. */
export const virtualisationOf = (files: Files): string => {
  const told = files.get(':virtualisation')?.trim() ?? '';
  return told === '' ? guess(files) : told;
};
