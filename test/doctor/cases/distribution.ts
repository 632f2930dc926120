import { release, plain, intel, type Case } from './case.js';

export const distribution: readonly Case[] = [
  // What to type, by distribution.
  ...(
    [
      ['debian', '', /^apt install linux-image-rt-amd64$/, /update-grub/],
      ['ubuntu', 'debian', /^pro enable realtime-kernel$/, /update-grub/],
      ['rhel', 'fedora', /^dnf install kernel-rt/, /^grubby --update-kernel=ALL --args='isolcpus=/],
      ['opensuse-leap', 'suse opensuse', /^zypper install kernel-rt$/, /grub2-mkconfig -o \/boot\/grub2\/grub\.cfg/],
      ['rhcos', 'rhel fedora', /realTimeKernel/, /PerformanceProfile/],
      ['arch', '', /CONFIG_PREEMPT_RT=y/, /GRUB_CMDLINE|^Boot with/],
    ] as const
  ).map(([id, like, kernel, boot]) => ({
    it: `names the packages and commands of ${id}`,
    machine: intel,
    isolated: '2-3',
    files: { ...release(id, like), ...plain },
    says: [
      { check: 'realtime-kernel', mend: kernel },
      { check: 'isolcpus', mend: boot },
    ],
  })),
  {
    it: 'gives kernel parameters of ostree by rpm-ostree',
    machine: 'ostree-coreos',
    isolated: '2-3',
    files: release('fedora', ''),
    says: [{ check: 'nohz-full', mend: /^rpm-ostree kargs --append-if-missing=nohz_full=2-3$/ }],
  },
  {
    it: 'gives those of Proxmox on ZFS to its own tool',
    machine: 'systemd-boot-proxmox-zfs',
    isolated: '2-3',
    files: release('debian', ''),
    says: [{ check: 'isolcpus', mend: /\/etc\/kernel\/cmdline, then proxmox-boot-tool refresh/ }],
  },
];
