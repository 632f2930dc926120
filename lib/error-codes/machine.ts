import { entry } from './entry.js';

/** Tuning machines, and putting them back. */
const tuning = {
  E_IN_USE: entry('environment', 'Another run has the machine.', 'Wait for it, or clean it up once it is dead.'),
  E_LEASE: entry(
    'environment',
    'The lease of a machine can not be read or written.',
    'Tuning needs root and a writable /var/lib/kvm4nfv.',
  ),
  E_NOT_EFFECTIVE: entry(
    'environment',
    'A tuning is not in effect.',
    'Mend what is named, allow `reboot`, or set the knob to `keep`.',
  ),
  E_TUNING_SCRIPT: entry(
    'environment',
    'The tuning script failed on a machine.',
    'It needs root, or sudo without a password.',
  ),
  E_NO_HOUSEKEEPING: entry(
    'environment',
    'No CPU would be left for housekeeping.',
    'Leave a CPU out of `isolated_cpus`.',
  ),
  E_BOOTLOADER: entry(
    'environment',
    'The kernel command line can not be set.',
    'Boot the machine with the parameters that are named.',
  ),
  E_REBOOT: entry(
    'unreachable',
    'A machine did not come back from its reboot.',
    'Look at its console; `kvm4nfv cleanup` restores it later.',
  ),
  E_REBOOTED: entry('environment', 'A machine rebooted by itself.', 'See its log, then run again.'),
  E_SMI: entry(
    'environment',
    'SMIs can not be counted on a machine.',
    'Load the module msr, or mount tracefs with the hwlat tracer.',
  ),
  E_TRACER_BUSY: entry('environment', 'The tracer of a machine is in use.', 'Wait for whoever traces.'),
  E_JOURNAL: entry('internal', 'A journal can not be read or would not be safe.', 'Restore by hand what it names.'),
  E_JOURNAL_WRITE: entry(
    'environment',
    'A journal can not be written on a machine.',
    'It needs root and a writable /var/lib/kvm4nfv.',
  ),
  E_RESTORE: entry('teardown', 'Something could not be put back.', 'Mend what is named, then restore again.'),
} as const;

/** Guests, their images, and libvirt. */
const guests = {
  E_NO_KVM: entry(
    'environment',
    'A host can not run guests with KVM.',
    'Enable virtualisation, or set `accelerator: emulated`.',
  ),
  E_NO_LIBVIRT: entry(
    'environment',
    'libvirt is not there or does not start.',
    'Install libvirt and QEMU on the host.',
  ),
  E_LIBVIRT: entry('environment', 'libvirt refuses what it was asked.', 'Its own words say why.'),
  E_LIBVIRT_UNREACHABLE: entry(
    'unreachable',
    'libvirt can not be reached.',
    'Check its URI, and whether its daemon runs.',
  ),
  E_LIBVIRT_URI: entry(
    'usage',
    'Not a URI that can be used.',
    'Such as qemu:///system; other machines go below `hosts`.',
  ),
  E_LIBVIRT_OUTPUT: entry('tool', 'What libvirt or QEMU printed is not understood.', 'Report it with their versions.'),
  E_BINDING: entry('environment', "libvirt's binding for Node can not be used.", 'Use virsh, or install the binding.'),
  E_XML: entry('usage', 'XML is not well-formed.', 'Correct it at the place that is named.'),
  E_XML_FRAGMENT: entry(
    'usage',
    'An `xml:` fragment can not be put into the domain.',
    'Name its place, or use the option for it.',
  ),
  E_DOMAIN: entry('usage', 'A domain is described wrongly.', 'Correct the options of the context.'),
  E_PLACEMENT: entry('environment', 'There is no place for the guest on its host.', 'Ask for less, or name the CPUs.'),
  E_MEMORY: entry(
    'environment',
    'A host has too little memory or too few huge pages.',
    'Ask for less, or reserve more.',
  ),
  E_GUEST_START: entry(
    'environment',
    'A guest did not get through its start.',
    'See its console among the files of the run.',
  ),
  E_GUEST_DIFFERS: entry('environment', 'A guest is not as it was asked for.', 'See what its host allows.'),
  E_SAVED_STATE: entry('environment', 'A saved state can not be used.', 'Remove it; it is made again.'),
  E_LEASED: entry('environment', 'A port, VF or name belongs to another run.', 'End that run, or clean it up.'),
  E_NO_PORT: entry('environment', 'No free port is left on a host.', 'End what holds them.'),
  E_GUEST_END: entry('teardown', 'A guest could not be removed wholly.', 'Run `kvm4nfv cleanup`.'),
  E_IMAGE: entry('usage', 'An image is described wrongly, is not there, or is none.', 'See its hint.'),
  E_IMAGE_UNSAFE: entry('usage', 'An image or disk refers to other files.', 'Make it whole with `qemu-img convert`.'),
  E_CHECKSUM: entry('environment', 'An image has another checksum.', 'Fetch it again, or correct the checksum.'),
  E_IMAGE_DAMAGED: entry('environment', 'An image of the cache is damaged.', 'Remove it and build it again.'),
  E_IMAGE_BUILD: entry('tool', 'An image was not built.', 'See the reasons; often an archive can not be reached.'),
  E_IMAGE_TOOLS: entry('environment', 'A host lacks what is needed to build an image.', 'Install what is named.'),
  E_DISK_FULL: entry('environment', 'A disk is full.', 'Free some space, or name another directory.'),
  E_EXISTS: entry('environment', 'Something is there already.', 'Choose another name; nothing is overwritten.'),
} as const;

/** SR-IOV, and emulated hosts. */
const devices = {
  E_VF: entry('environment', 'VFs can not be had as asked for.', 'Mend what is named on the host.'),
  E_VF_SEEN: entry('environment', 'A guest does not see its VF as it should.', 'See its driver in the guest.'),
  E_NO_PING: entry('environment', 'Nothing answers through a VF.', 'Check the wire, the VLAN and the address.'),
  E_VF_END: entry('teardown', 'VFs could not be put back wholly.', 'Run `kvm4nfv cleanup`.'),
  E_TUNING_REBOOT: entry(
    'usage',
    'A tuning needs a reboot that can not be.',
    'Leave out `reboot: true`, or the knobs that need it.',
  ),
  E_LAB_NAME: entry(
    'usage',
    'Not a name or directory for an emulated host.',
    'Use letters, digits, dots, dashes and underscores.',
  ),
  E_NO_LAB_HOST: entry('usage', 'There is no such emulated host.', 'See `kvm4nfv lab list`.'),
  E_LAB_BROKEN: entry('environment', 'An emulated host is broken or has ended.', 'Take it down and start it again.'),
  E_LAB_START: entry('tool', 'An emulated host did not start.', 'See the last lines of its console.'),
  E_QEMU: entry(
    'tool',
    'QEMU failed or said something that is not understood.',
    'See its log among the files of the host.',
  ),
  E_QEMU_BUILD: entry(
    'tool',
    'The private QEMU was not made.',
    'See the reasons; often an archive can not be reached.',
  ),
  E_NO_QEMU: entry('environment', "A host's own QEMU can not do it.", 'QEMU 9.0 or later, with igb and intel-iommu.'),
  E_WIRE: entry(
    'tool',
    'A frame could not be sent, or nobody answered on a wire.',
    'See whether the port is up and that is its address.',
  ),
  E_WIRE_TAKEN: entry('environment', 'The end of a wire is taken.', 'Close the other peer first.'),
  E_ADDRESS: entry('usage', 'Not a MAC or IPv4 address.', 'Write it as 52:54:00:12:34:56 or 192.0.2.1.'),
} as const;

export const machine = { ...tuning, ...guests, ...devices } as const;
