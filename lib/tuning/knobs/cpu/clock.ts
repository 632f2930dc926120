import * as z from 'zod';
import { parameterShowing } from '../../boot/effects.js';
import { missingParameters, splitCmdline } from '../../cmdline.js';
import { defineKnob } from '../../knob.js';
import { files, line } from '../../reading.js';
import { lacking, parameter, value } from '../common.js';

const directory = '/sys/devices/system/clocksource/clocksource0';

export const clocksource = defineKnob({
  name: 'clocksource',
  group: 'operating-system',
  summary: 'The clock that the kernel and clock_gettime read.',
  why: 'Only the TSC is read in user space in tens of nanoseconds; hpet and acpi_pm go over a bus and, in a guest, exit to the host.',
  costs: 'A microsecond or more for each reading of the clock, two of them in each cycle of cyclictest.',
  source: 'Documentation/timers/timekeeping.rst; kernel-parameters.txt: clocksource=, tsc=',
  mend: 'Boot with tsc=reliable where the TSC is invariant, and look in the kernel log for why it was found unstable.',
  weight: 'major',
  value: z.enum(['tsc', 'kvm-clock']),
  reads: () => files(`${directory}/*_clocksource`),
  items: ({ value: wanted, machine }, now) => {
    const offered = now.files.get(`${directory}/available_clocksource`)?.trim().split(/\s+/) ?? [];
    const current = line(now, `${directory}/current_clocksource`) ?? 'none';
    if (offered.includes(wanted)) return [value(`${directory}/current_clocksource`, 'text', wanted)];
    // Hyper-V and KVM have clocks of their own that are read in user space by way of the TSC; other processors have no TSC.
    const unstable = wanted === 'tsc' && machine.architecture === 'x86' && !machine.virtual;
    return [
      lacking(
        wanted,
        unstable
          ? `the kernel has given the TSC up as unstable (see its log) and reads ${current}; it offers ${offered.join(' ')}`
          : `the kernel offers ${offered.join(' ') || 'none'}`,
        unstable ? 'differs' : 'absent',
      ),
    ];
  },
});

export const tsc = defineKnob({
  name: 'tsc',
  group: 'operating-system',
  summary: 'Takes the TSC for reliable, without the watchdog that checks it against another clock.',
  why: 'The watchdog reads a slow clock on every CPU in turn every half second, and may give the TSC up for good after one late reading.',
  costs: 'A timer interrupt on every CPU, and all of the clocksource costs where it gives the TSC up.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: tsc=',
  mend: 'Boot with tsc=reliable (tsc=nowatchdog where only the watchdog is unwanted).',
  needsReboot: true,
  value: z.enum(['reliable', 'nowatchdog']),
  reads: () => files(`${directory}/*_clocksource`),
  items: ({ value: how, machine }, now) => {
    if (machine.architecture !== 'x86') return [];
    const given = `tsc=${how}`;
    const offered = now.files.get(`${directory}/available_clocksource`)?.trim().split(/\s+/);
    if (offered === undefined || offered.includes('tsc') || machine.virtual) return [parameter(given)];
    const reason = `the kernel has given the TSC up (see its log) and offers ${offered.join(' ')}`;
    const asked = splitCmdline(machine.cmdline).includes('tsc=unstable');
    // Booted with it now, a TSC that is not reliable would be taken for one.
    if (!asked && missingParameters(machine.cmdline, [given]).length > 0)
      return [lacking('tsc', `${reason}; ${given} would only hide it`, 'differs')];
    return [
      parameterShowing(given, { effective: false, text: 'given up', reason: `${given} is given, but ${reason}` }),
    ];
  },
});
