import * as z from 'zod';
import { defineKnob, type Effect, type Item } from '../../knob.js';
import { parameterShowing } from '../../boot/effects.js';
import type { Machine } from '../../machine.js';
import { line, files, matching, type Snapshot } from '../../reading.js';
import { lacking } from '../common.js';

type Mode = 'disable' | 'active' | 'passive' | 'guided';

/** As scaling_driver names what the modes bring; `guided` and `passive` of AMD's differ in its status only. */
const drivers: Readonly<Record<'intel' | 'amd', Readonly<Partial<Record<Mode, string>>>>> = {
  intel: { active: 'intel_pstate', passive: 'intel_cpufreq' },
  amd: { active: 'amd-pstate-epp', passive: 'amd-pstate', guided: 'amd-pstate' },
};
const ofVendors = new Set(['intel_pstate', 'intel_cpufreq', 'amd-pstate', 'amd-pstate-epp']);

/** Hardware-managed P-states are left to the hardware where it has them, and kept out where the kernel would manage them. */
const recommended = (now: Snapshot, vendor: 'intel' | 'amd'): Mode => {
  const flags = /^flags\s*:(.*)$/m.exec(now.texts.get('/proc/cpuinfo') ?? '')?.[1]?.split(/\s+/) ?? [];
  if (vendor === 'amd') return flags.includes('cppc') ? 'guided' : 'disable';
  return flags.includes('hwp') ? 'active' : 'disable';
};

const status = (vendor: string): string => `/sys/devices/system/cpu/${vendor}_pstate/status`;

const isInEffect = (now: Snapshot, vendor: 'intel' | 'amd', mode: Mode, driver: string): boolean => {
  if (mode === 'disable') return !ofVendors.has(driver);
  const shown = line(now, status(vendor));
  return driver === drivers[vendor][mode] && (vendor === 'intel' || shown === undefined || shown === mode);
};

/** The firmware may offer the driver nothing to work with, and the mode can be changed while the machine runs. */
const notLoaded = (given: string, driver: string, mode: string | undefined): Effect => {
  const text = mode === undefined || !ofVendors.has(driver) ? driver : `${driver} (${mode})`;
  return { effective: false, text, reason: `${given} is given, but scaling_driver shows ${text}` };
};

const itemsOf = (now: Snapshot, { vendor }: Machine, wanted: Mode | 'recommended'): Item[] => {
  if (vendor === 'other') return [];
  const mode = wanted === 'recommended' ? recommended(now, vendor) : wanted;
  if (mode === 'guided' && vendor === 'intel')
    return [lacking('guided', 'intel_pstate has no such mode', 'unsupported')];
  const found = matching(now, /^\/sys\/devices\/system\/cpu\/cpufreq\/policy\d+\/scaling_driver$/);
  const given = `${vendor}_pstate=${mode}`;
  const off = found.length === 0 && ['off', 'disable', undefined].includes(line(now, status(vendor)));
  if (off)
    return mode === 'disable'
      ? [parameterShowing(given, { effective: true, text: 'no driver changes frequencies' })]
      : [lacking('driver', 'no driver changes frequencies here', 'absent')];
  const wrong = found.filter(({ text }) => !isInEffect(now, vendor, mode, text.trim()));
  const [first] = found;
  const shown = [...new Set(wrong.map(({ text }) => text.trim()))].join(', ') || 'none';
  return wrong.length > 0 || first === undefined
    ? [parameterShowing(given, notLoaded(given, shown, line(now, status(vendor))))]
    : [
        {
          kind: 'check',
          label: 'driver',
          place: { kind: 'file', path: first.path },
          aspect: 'text',
          want: drivers[vendor][mode] ?? first.text.trim(),
        },
      ];
};

export const pStateDriver = defineKnob({
  name: 'p-state-driver',
  group: 'platform',
  summary:
    "Mode of the vendor's P-state driver, as scaling_driver shows it: kept from loading, or the one that leaves frequencies to the hardware.",
  why: 'Without hardware-managed P-states the driver changes the frequency without being asked. With them (HWP since Skylake, CPPC since Zen 3) the hardware keeps to the preference it is given, and without the driver nobody gives it one. acpi-cpufreq asks for nothing.',
  costs: 'Frequency changes of tens of microseconds at any moment, or a CPU that never reaches its speed.',
  source: 'Documentation/admin-guide/pm/intel_pstate.rst, amd-pstate.rst; kernel-parameters.txt: intel_pstate=, amd_pstate=', // prettier-ignore
  mend: 'Boot with intel_pstate=disable or amd_pstate=guided, say.',
  needsReboot: true,
  value: z.enum(['disable', 'active', 'passive', 'guided', 'recommended']).meta({
    description:
      '`recommended`: active on Intel with HWP and guided on AMD with CPPC, as OpenShift has it, and disable elsewhere.',
  }),
  reads: () =>
    files(
      '/sys/devices/system/cpu/cpufreq/policy*/scaling_driver',
      '/sys/devices/system/cpu/intel_pstate/status',
      '/sys/devices/system/cpu/amd_pstate/status',
    ),
  items: ({ value: wanted, machine }, now) => itemsOf(now, machine, wanted),
});
