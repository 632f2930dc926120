import { command, files, line, outputOf } from '../../tuning/reading.js';
import { findingOf, microseconds } from '../finding.js';
import type { Check } from '../seen.js';

const counter = ['od', '-An', '-v', '-tu8', '-j', '52', '-N', '8', '/dev/cpu/0/msr'] as const;

/** The counter runs from reset: the firmware's own start raises up to some thousands. More than these came since. */
const ofFirmware = 10_000;

const costs = 'SMIs stop all CPUs for tens to hundreds of microseconds, unseen by the kernel.';

export const systemManagement: Check = {
  reads: [command(...counter), ...files('/proc/uptime')],
  look: ({ now, platform: { vendor, hypervisor } }) => {
    // A virtual CPU counts none of its host's; AMD has no such counter.
    if (hypervisor !== undefined || vendor !== 'intel') return undefined;
    const count = Number.parseInt(outputOf(now, ...counter)?.stdout ?? '', 10);
    if (Number.isNaN(count))
      return findingOf({
        check: 'smi',
        what: 'the SMI counter (MSR 0x34) can not be read',
        costs,
        mend: 'modprobe msr, or look with: kvm4nfv doctor --smi 30s',
      });
    if (count === 0) return undefined;
    const hours = Math.max(Number(line(now, '/proc/uptime')?.split(' ')[0]) / 3600, 1 / 60);
    if (count <= ofFirmware)
      return findingOf({
        check: 'smi',
        what: `${String(count)} SMIs since the processor was reset, which may all be of the firmware's own start`,
        costs,
        mend: 'See whether there are any now: kvm4nfv doctor --smi 30s',
      });
    return findingOf({
      check: 'smi',
      what: `${String(count)} SMIs in ${hours.toFixed(1)} hours, about ${((count - ofFirmware) / hours).toFixed(0)} an hour at least`,
      costs,
      cost: microseconds(
        10,
        300,
        'estimated; hwlatdetect on a workstation saw up to 19 us (mpolednik.github.io, 2016)',
      ),
      mend: 'Legacy USB and port 60/64 emulation off in the firmware, no firmware refresh, ask the vendor for an SMI-free setting.',
    });
  },
};
