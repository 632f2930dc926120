import { imageManifestSchema, type ImageManifest } from '../image/manifest.js';
import { hostSetup } from './host-setup.js';

/** Large things that a virtual host carries only when asked. */
export const hostToolPackages = {
  dpdk: ['dpdk-dev'],
  ovs: ['openvswitch-switch-dpdk'],
} as const satisfies Record<string, readonly string[]>;
export type HostTool = keyof typeof hostToolPackages;

export interface HostImageOptions {
  /** `rt` is PREEMPT_RT. Default: `amd64`. */
  readonly kernel?: 'amd64' | 'rt';
  /** Default: none. */
  readonly tools?: readonly HostTool[];
}

/** Hypervisor, measuring and tuning tools of a machine under test. Debian's 6.12 has igb, vfio and the AMD parts of KVM. */
const packages = [
  ...['libvirt-daemon-system', 'libvirt-daemon-driver-qemu', 'libvirt-clients'],
  ...['qemu-system-x86', 'qemu-utils', 'seabios', 'ipxe-qemu'],
  ...['driverctl', 'linux-cpupower', 'msr-tools', 'numactl', 'pciutils', 'util-linux-extra'],
  ...['iputils-ping', 'netcat-openbsd', 'socat', 'tcpdump'],
] as const;

const MiB = 2 ** 20;

/** What the image of a virtual host is built from: a guest image with a hypervisor, a full kernel and the host's tools. */
export const hostManifest = ({ kernel = 'amd64', tools = [] }: HostImageOptions = {}): ImageManifest => {
  const chosen = [...new Set(tools)].sort();
  return imageManifestSchema.parse({
    name: ['virtual-host', ...(kernel === 'rt' ? ['rt'] : []), ...chosen].join('-'),
    suite: 'trixie',
    kernel,
    tools: ['rt-tests', 'rtla', 'stress-ng', 'ethtool', 'iperf3'],
    packages: [...packages, ...chosen.flatMap((tool) => hostToolPackages[tool])],
    modules: ['kvm_amd', 'msr'],
    size: 4096 * MiB,
    cmdline: 'console=ttyS0 quiet mitigations=off audit=0 systemd.show_status=0',
    setup: hostSetup,
  });
};
