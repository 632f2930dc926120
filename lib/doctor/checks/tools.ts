import { command, outputOf } from '../../tuning/reading.js';
import { installLine, type Tool } from '../distribution.js';
import { findingOf } from '../finding.js';
import type { Check } from '../seen.js';

/** Tools by the programs that are them: any one will do. Red Hat's QEMU is in no PATH. */
const programs: Readonly<Record<Tool, readonly string[]>> = {
  cyclictest: ['cyclictest'],
  'stress-ng': ['stress-ng'],
  ethtool: ['ethtool'],
  chrt: ['chrt'],
  hwlatdetect: ['hwlatdetect'],
  rtla: ['rtla'],
  qemu: ['qemu-system-x86_64', 'qemu-system-aarch64', 'qemu-kvm', '/usr/libexec/qemu-kvm'],
  virsh: ['virsh'],
  numactl: ['numactl'],
};
const script =
  'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; for tool; do command -v "$tool" >/dev/null 2>&1 && echo "$tool"; done; :';
const look = ['sh', '-c', script, 'sh', ...Object.values(programs).flat()] as const;
/** What only a machine with guests needs. */
const forGuests: readonly string[] = ['qemu', 'virsh'];

export const missingTools: Check = {
  reads: [command(...look)],
  look: ({ now, platform, distribution }) => {
    const seen = outputOf(now, ...look);
    if (seen?.exitCode !== 0) return undefined;
    const found = seen.stdout.split('\n');
    const missing = (Object.entries(programs) as [Tool, readonly string[]][]).flatMap(([tool, names]) =>
      names.some((name) => found.includes(name)) || (platform.hypervisor !== undefined && forGuests.includes(tool))
        ? []
        : [tool],
    );
    if (missing.length === 0) return undefined;
    return findingOf({
      check: 'tools',
      what: `not installed: ${missing.join(', ')}`,
      costs: 'None; what needs them can not be measured.',
      mend: installLine(missing, distribution, platform),
    });
  },
};
