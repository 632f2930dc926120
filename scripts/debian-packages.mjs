/**
 * What must be on the machine for each purpose: a Debian package, and the command or file that shows that it is there
 * (so that a machine on which it came from somewhere else is served too). `optional` ones are installed where the
 * machine's package sources have them; tests that need them are skipped elsewhere.
 * @typedef {{ readonly name: string, readonly probe: string, readonly optional?: boolean }} DebianPackage
 */

/** @type {readonly DebianPackage[]} */
const quickstart = [
  { name: 'rt-tests', probe: 'cyclictest' },
  { name: 'stress-ng', probe: 'stress-ng' },
  { name: 'procps', probe: 'ps' },
  { name: 'libvirt-clients', probe: 'virsh' },
  { name: 'libvirt-daemon-system', probe: '/etc/libvirt/libvirtd.conf' },
  { name: 'qemu-system-x86', probe: 'qemu-system-x86_64' },
  { name: 'qemu-utils', probe: 'qemu-img' },
  { name: 'dnsmasq-base', probe: 'dnsmasq', optional: true },
  { name: 'mmdebstrap', probe: 'mmdebstrap' },
  { name: 'uidmap', probe: 'newuidmap' },
];

/** @type {readonly DebianPackage[]} */
const test = [
  ...quickstart,
  { name: 'rtla', probe: 'rtla', optional: true },
  { name: 'sudo', probe: 'sudo' },
  { name: 'iproute2', probe: 'ip' },
  { name: 'openssh-client', probe: 'ssh' },
  { name: 'openssh-server', probe: 'sshd' },
  // Login shells that are none of POSIX.
  { name: 'fish', probe: 'fish', optional: true },
  { name: 'tcsh', probe: 'tcsh', optional: true },
  { name: 'zsh', probe: 'zsh', optional: true },
  { name: 'libxml2-utils', probe: 'xmllint' },
  { name: 'libvirt-clients', probe: 'virt-xml-validate' },
  { name: 'debootstrap', probe: 'debootstrap' },
  // The libvirt binding is compiled where it is installed.
  { name: 'libvirt-dev', probe: '/usr/include/libvirt/libvirt.h', optional: true },
  { name: 'pkg-config', probe: 'pkg-config', optional: true },
  { name: 'g++', probe: 'g++', optional: true },
  { name: 'make', probe: 'make', optional: true },
  { name: 'python3', probe: 'python3', optional: true },
  // A disk that boots by GRUB.
  { name: 'grub-common', probe: '/usr/sbin/grub-mkconfig', optional: true },
  { name: 'grub2-common', probe: '/usr/sbin/grub-install', optional: true },
  { name: 'grub-pc-bin', probe: '/usr/lib/grub/i386-pc/modinfo.sh', optional: true },
];

/** @type {readonly DebianPackage[]} */
const bench = [...test, { name: 'pssh', probe: 'parallel-ssh' }];

/** @type {Readonly<Record<string, readonly DebianPackage[]>>} */
export const purposes = { quickstart, test, bench };
