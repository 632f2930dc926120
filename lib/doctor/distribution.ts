import { files, names, type Request, type Snapshot } from '../tuning/reading.js';
import type { Platform } from './platform.js';

const families = ['debian', 'redhat', 'suse', 'other'] as const;
type Family = (typeof families)[number];

/** The distribution that a machine runs, as far as what to type depends on it. */
export interface Distribution {
  /** As it calls itself; empty where it has no os-release. */
  readonly name: string;
  readonly id: string;
  readonly family: Family;
  /** The system is an image that is replaced and not edited: packages and kernel parameters are layered on it. */
  readonly ostree: boolean;
  /** The kernel command line is that of proxmox-boot-tool. */
  readonly proxmox: boolean;
  /** It has GRUB's configuration. Without it the command line may come from anywhere, such as from a hypervisor. */
  readonly grub: boolean;
}

export const distributionRequests: readonly Request[] = [
  ...files('/etc/os-release', '/usr/lib/os-release'),
  names('/run/ostree-booted'),
  names('/etc/kernel/proxmox-boot-uuids'),
  names('/etc/default/grub'),
];

const familyNames: Readonly<Record<string, Family>> = {
  debian: 'debian',
  ubuntu: 'debian',
  fedora: 'redhat',
  rhel: 'redhat',
  centos: 'redhat',
  suse: 'suse',
  opensuse: 'suse',
  sles: 'suse',
};

/** Reads off a snapshot of {@link distributionRequests}. */
export const distributionOf = (now: Snapshot): Distribution => {
  const release = now.files.get('/etc/os-release') ?? now.files.get('/usr/lib/os-release') ?? '';
  const field = (name: string): string => new RegExp(`^${name}=["']?([^"'\n]*)`, 'm').exec(release)?.[1]?.trim() ?? '';
  const [id = '', ...like] = `${field('ID')} ${field('ID_LIKE')}`.trim().split(/\s+/);
  return {
    name: field('PRETTY_NAME'),
    id,
    family: [id, ...like].map((word) => familyNames[word]).find((family) => family !== undefined) ?? 'other',
    ostree: now.names.has('/run/ostree-booted'),
    proxmox: now.names.has('/etc/kernel/proxmox-boot-uuids'),
    grub: now.names.has('/etc/default/grub'),
  };
};

/** Packages by what they bring, in the order of {@link families} without `other`. */
const packages = {
  cyclictest: ['rt-tests', 'realtime-tests', 'rt-tests'],
  hwlatdetect: ['rt-tests', 'realtime-tests', 'rt-tests'],
  'stress-ng': ['stress-ng', 'stress-ng', 'stress-ng'],
  ethtool: ['ethtool', 'ethtool', 'ethtool'],
  chrt: ['util-linux', 'util-linux', 'util-linux'],
  rtla: ['rtla', 'rtla', 'rtla'],
  virsh: ['libvirt-clients', 'libvirt-client', 'libvirt-client'],
  numactl: ['numactl', 'numactl', 'numactl'],
} as const;
export type Tool = keyof typeof packages | 'qemu';

const qemu: Readonly<Record<Exclude<Family, 'other'>, Readonly<Record<Platform['architecture'], string>>>> = {
  debian: { x86: 'qemu-system-x86', arm64: 'qemu-system-arm', other: 'qemu-system' },
  redhat: { x86: 'qemu-kvm', arm64: 'qemu-kvm', other: 'qemu-kvm' },
  suse: { x86: 'qemu-x86', arm64: 'qemu-arm', other: 'qemu' },
};

const packageOf = (tool: Tool, family: Exclude<Family, 'other'>, architecture: Platform['architecture']): string =>
  tool === 'qemu' ? qemu[family][architecture] : (packages[tool][families.indexOf(family)] ?? tool);

const installers: Readonly<Record<Exclude<Family, 'other'>, string>> = {
  debian: 'apt install',
  redhat: 'dnf install',
  suse: 'zypper install',
};

const installer = ({ family, ostree, id }: Distribution): string | undefined => {
  if (family === 'other') return undefined;
  if (!ostree) return id.includes('micro') ? 'transactional-update pkg install' : installers[family];
  return 'rpm-ostree install';
};

/** What to type to have these tools. */
export const installLine = (tools: readonly Tool[], distribution: Distribution, { architecture }: Platform): string => {
  const { family, id } = distribution;
  const command = installer(distribution);
  if (command === undefined || family === 'other') return `Install ${tools.join(', ')}.`;
  const wanted = [...new Set(tools.map((tool) => packageOf(tool, family, architecture)))];
  return id === 'rhcos'
    ? `Run them from a container on this node (oc debug node/...): ${wanted.join(', ')}.`
    : `${command} ${wanted.join(' ')}`;
};

/** How this machine comes to a real-time kernel. */
export const realtimeKernelLine = ({ id, family, ostree }: Distribution, { architecture }: Platform): string => {
  if (id === 'rhcos') return 'In the PerformanceProfile of its nodes: spec.realTimeKernel.enabled: true.';
  if (id === 'ubuntu') return 'pro enable realtime-kernel';
  if (id === 'fedora') return 'Build a kernel with CONFIG_PREEMPT_RT=y: Fedora packages none.';
  if (ostree) return 'rpm-ostree override replace <packages of a kernel with CONFIG_PREEMPT_RT=y>';
  if (family === 'debian')
    return architecture === 'other'
      ? 'Build a kernel with CONFIG_PREEMPT_RT=y: Debian has one for amd64 and arm64 only.'
      : `apt install linux-image-rt-${architecture === 'x86' ? 'amd64' : 'arm64'}`;
  if (family === 'redhat') return 'dnf install kernel-rt (from the repository for real time or NFV)';
  if (family === 'suse') return 'zypper install kernel-rt';
  return 'Boot a kernel with CONFIG_PREEMPT_RT=y.';
};

/** How kernel parameters are given on this machine, for those who do it by hand. */
export const bootLine = (
  parameters: readonly string[],
  { id, family, ostree, proxmox, grub }: Distribution,
): string => {
  const all = parameters.join(' ');
  if (id === 'rhcos') return `In the PerformanceProfile of its nodes (spec.cpu, spec.additionalKernelArgs): ${all}`;
  if (ostree) return `rpm-ostree kargs ${parameters.map((one) => `--append-if-missing=${one}`).join(' ')}`;
  if (proxmox) return `Add ${all} to /etc/kernel/cmdline, then proxmox-boot-tool refresh.`;
  if (!grub) return `Boot with ${all}.`;
  if (family === 'redhat') return `grubby --update-kernel=ALL --args='${all}'`;
  if (family === 'debian') return `Add ${all} to GRUB_CMDLINE_LINUX in /etc/default/grub, then update-grub.`;
  if (family === 'suse')
    return `Add ${all} to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, then grub2-mkconfig -o /boot/grub2/grub.cfg.`;
  return `Boot with ${all}.`;
};
