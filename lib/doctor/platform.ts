import { virtualisationOf } from '../host/facts-virtualisation.js';
import { command, files, line, names, outputOf, text, type Request, type Snapshot } from '../tuning/reading.js';

/** The machine that Linux runs on. */
export interface Platform {
  /** `other`: an architecture of which nothing is said that was not looked up. */
  readonly architecture: 'x86' | 'arm64' | 'other';
  readonly vendor: 'intel' | 'amd' | 'other';
  /** The hypervisor that it is a guest of, as systemd-detect-virt names it; undefined on bare metal, and on the host side of Xen. */
  readonly hypervisor: string | undefined;
  readonly flags: ReadonlySet<string>;
}

const detect = ['systemd-detect-virt', '--vm'] as const;
const clocksources = '/sys/devices/system/clocksource/clocksource0/available_clocksource';

export const platformRequests: readonly Request[] = [
  text('/proc/cpuinfo'),
  command(...detect),
  ...files(
    clocksources,
    '/sys/class/dmi/id/sys_vendor',
    '/sys/class/dmi/id/product_name',
    '/sys/hypervisor/type',
    '/proc/xen/capabilities',
    '/proc/device-tree/hypervisor/compatible',
    '/proc/device-tree/compatible',
  ),
  names('/proc/device-tree/hypervisor'),
];

const architectureOf = (cpuinfo: string): Platform['architecture'] => {
  if (/^CPU implementer\s*:/m.test(cpuinfo)) return 'arm64';
  return /^flags\s*:/m.test(cpuinfo) ? 'x86' : 'other';
};

const vendorOf = (cpuinfo: string): Platform['vendor'] => {
  const name = /^vendor_id\s*:\s*(\S+)/m.exec(cpuinfo)?.[1];
  if (name === 'GenuineIntel') return 'intel';
  return name === 'AuthenticAMD' || name === 'HygonGenuine' ? 'amd' : 'other';
};

const hypervisorOf = (now: Snapshot, cpuinfo: string): string | undefined => {
  // dom0 has Xen's flag and its file as well, and is what guests run on.
  if ((line(now, '/proc/xen/capabilities') ?? '').includes('control_d')) return undefined;
  const told = outputOf(now, ...detect);
  const seen = new Map([...now.files].map(([path, content]) => [path, content.trim()]));
  const type = virtualisationOf(
    new Map([...seen, ['/proc/cpuinfo', cpuinfo], [':virtualisation', told?.stdout.trim() ?? '']]),
  );
  const flagged = /^flags\s*:.*\bhypervisor\b/m.test(cpuinfo);
  if (type === 'unknown' || type === '') return flagged ? 'unknown' : undefined;
  return type === 'none' && !flagged ? undefined : type === 'none' ? 'unknown' : type;
};

/** Reads off a snapshot of {@link platformRequests}. */
export const platformOf = (now: Snapshot): Platform => {
  const cpuinfo = now.texts.get('/proc/cpuinfo') ?? '';
  return {
    architecture: architectureOf(cpuinfo),
    vendor: vendorOf(cpuinfo),
    hypervisor: hypervisorOf(now, cpuinfo),
    flags: new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo)?.[1]?.split(/\s+/)),
  };
};

const titles: Readonly<Record<string, string>> = {
  kvm: 'KVM',
  qemu: 'QEMU without KVM (TCG)',
  microsoft: 'Hyper-V',
  vmware: 'VMware',
  xen: 'Xen',
  amazon: 'Amazon EC2',
  google: 'Google Cloud',
  oracle: 'VirtualBox',
  powervm: 'PowerVM',
  zvm: 'z/VM',
};

export const hypervisorTitle = (name: string): string => titles[name] ?? (name === 'unknown' ? 'a hypervisor' : name);
