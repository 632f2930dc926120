import { applyScript, dhcpScript } from './guest-scripts.js';

/** A file, directory or symbolic link that the builder puts into the guest's root file system. */
export type GuestFile =
  | { readonly path: string; readonly text: string; readonly mode?: number }
  | { readonly path: string; readonly link: string };

const sshdConfig = `# Keys, ours and the controller's, come with each run: see /usr/lib/kvm4nfv/apply.
Port 22
HostKey /run/kvm4nfv/ssh_host_ed25519_key
AuthorizedKeysFile /run/kvm4nfv/authorized_keys .ssh/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
# Each line of the log wakes the journal, while something is measured.
LogLevel ERROR
MaxStartups 64:30:128
MaxSessions 64
ClientAliveInterval 0
SetEnv PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
AcceptEnv LANG LC_*
Subsystem sftp internal-sftp
`;

// The network is up before PID 1 starts, so nothing has to be waited for: sshd starts with the first units.
const sshService = `[Unit]
Description=OpenBSD Secure Shell server, started early
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/sbin/sshd -D
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755
OOMScoreAdjust=-1000

[Install]
WantedBy=sysinit.target
`;

const controlService = `[Unit]
Description=Takes new first-boot data after a restore
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target

[Service]
ExecStart=/usr/lib/kvm4nfv/apply control
Restart=always
RestartSec=1
`;

const controlRule = `SUBSYSTEM=="virtio-ports", ATTR{name}=="kvm4nfv.control", TAG+="systemd", ENV{SYSTEMD_WANTS}+="kvm4nfv-control.service"
`;

// Only the buses on which a driver module or a NIC name hangs; the rest of the coldplug costs seconds under emulation.
const triggerDropIn = `[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --prioritized-subsystem=virtio-ports --subsystem-match=pci --subsystem-match=virtio --subsystem-match=virtio-ports --subsystem-match=net --subsystem-match=block --subsystem-match=vfio --subsystem-match=uio
`;

/** Units that a test guest does not need; each costs boot time, or wakes up while something is measured. */
export const maskedUnits: readonly string[] = [
  'apt-daily.service',
  'apt-daily.timer',
  'apt-daily-upgrade.service',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'dpkg-db-backup.service',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
  'logrotate.timer',
  'man-db.timer',
  'systemd-tmpfiles-clean.timer',
  'motd-news.timer',
  'getty@tty1.service',
  'getty.target',
  'console-getty.service',
  'serial-getty@ttyS0.service',
  'serial-getty@hvc0.service',
  'systemd-logind.service',
  'systemd-binfmt.service',
  'systemd-boot-system-token.service',
  'systemd-firstboot.service',
  'systemd-hwdb-update.service',
  'systemd-journal-catalog-update.service',
  'systemd-journal-flush.service',
  'systemd-machine-id-commit.service',
  'systemd-networkd.service',
  'systemd-networkd.socket',
  'systemd-pcrphase.service',
  'systemd-pcrphase-initrd.service',
  'systemd-pcrphase-sysinit.service',
  'systemd-pstore.service',
  'systemd-random-seed.service',
  'systemd-remount-fs.service',
  'systemd-sysext.service',
  'systemd-sysusers.service',
  'systemd-timesyncd.service',
  'systemd-update-done.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-user-sessions.service',
  'systemd-ask-password-console.path',
  'systemd-ask-password-wall.path',
  'ldconfig.service',
  'modprobe@drm.service',
  'modprobe@configfs.service',
  'modprobe@fuse.service',
  'modprobe@efi_pstore.service',
  'sys-fs-fuse-connections.mount',
  'sys-kernel-config.mount',
  'kmod-static-nodes.service',
  'systemd-tmpfiles-setup-dev.service',
  'systemd-tmpfiles-setup-dev-early.service',
  'systemd-udev-load-credentials.service',
  'systemd-sysctl.service',
  'systemd-initctl.socket',
  'systemd-initctl.service',
  'proc-sys-fs-binfmt_misc.automount',
  'systemd-repart.service',
  'systemd-fsck-root.service',
  'systemd-tpm2-setup.service',
  'systemd-tpm2-setup-early.service',
  'iperf3.service',
  'ksm.service',
  'ksmtuned.service',
  'rng-tools.service',
  'hwclock.service',
  'keyboard-setup.service',
  'console-setup.service',
  'networking.service',
  'ifupdown-pre.service',
];

/** What we add to the packages: constant, so two builds from the same packages hold the same files. */
export const guestFiles: readonly GuestFile[] = [
  { path: 'usr/lib/kvm4nfv/apply', text: applyScript, mode: 0o755 },
  { path: 'usr/lib/kvm4nfv/dhcp', text: dhcpScript, mode: 0o755 },
  { path: 'etc/ssh/sshd_config', text: sshdConfig },
  { path: 'etc/systemd/system/ssh.service', text: sshService },
  { path: 'etc/systemd/system/sysinit.target.wants/ssh.service', link: '/etc/systemd/system/ssh.service' },
  { path: 'etc/systemd/system/kvm4nfv-control.service', text: controlService },
  { path: 'etc/udev/rules.d/90-kvm4nfv.rules', text: controlRule },
  { path: 'etc/systemd/system/systemd-udev-trigger.service.d/kvm4nfv.conf', text: triggerDropIn },
  { path: 'etc/systemd/system/default.target', link: '/lib/systemd/system/multi-user.target' },
  {
    path: 'etc/systemd/journald.conf.d/kvm4nfv.conf',
    text: '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nAudit=no\n',
  },
  { path: 'etc/systemd/system.conf.d/kvm4nfv.conf', text: '[Manager]\nDefaultTimeoutStopSec=5s\nShowStatus=no\n' },
  { path: 'etc/systemd/system-generators/systemd-ssh-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-gpt-auto-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-getty-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-cryptsetup-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-hibernate-resume-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-sysv-generator', link: '/dev/null' },
  { path: 'etc/systemd/system-generators/systemd-rc-local-generator', link: '/dev/null' },
  { path: 'etc/fstab', text: '' },
  { path: 'etc/hosts', text: '127.0.0.1 localhost\n::1 localhost\n' },
  { path: 'etc/resolv.conf', text: '' },
  { path: 'etc/hostname', text: 'guest\n' },
  { path: 'etc/default/locale', text: 'LANG=C.UTF-8\n' },
  ...maskedUnits.map((unit): GuestFile => ({ path: `etc/systemd/system/${unit}`, link: '/dev/null' })),
];
