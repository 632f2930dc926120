import * as z from 'zod';
import { defineKnob } from '../../knob.js';
import { files, matching } from '../../reading.js';
import { value } from '../common.js';

const label = (groups: readonly string[]): string => `CPU ${groups[0] ?? ''}`;

export const governor = defineKnob({
  name: 'governor',
  group: 'platform',
  summary: 'CPU frequency governor of every CPU.',
  why: 'A governor that follows the load starts a burst of work at a low frequency.',
  costs: 'Work takes up to the ratio of highest to lowest frequency longer, plus tens of microseconds for each change.',
  source: 'Documentation/admin-guide/pm/cpufreq.rst',
  mend: 'cpupower frequency-set -g performance',
  weight: 'major',
  value: z.enum(['performance', 'powersave', 'schedutil', 'ondemand', 'conservative', 'userspace']),
  reads: () => files('/sys/devices/system/cpu/cpufreq/policy*/scaling_governor'),
  items: ({ value: wanted }, now) =>
    matching(now, /^\/sys\/devices\/system\/cpu\/cpufreq\/(policy\d+)\/scaling_governor$/).map(({ path, groups }) =>
      value(path, 'text', wanted, { label: groups[0] ?? path }),
    ),
});

export const turbo = defineKnob({
  name: 'turbo',
  group: 'platform',
  summary: 'Turbo (boost) frequencies on or off.',
  why: 'How much boost there is depends on temperature and on what other cores do, so that run times vary; KVM4NFV switched it off, tuned leaves it on for speed.',
  costs: 'Run times that vary by the boost ratio, and a halt of some microseconds at each frequency change.',
  source: 'Documentation/admin-guide/pm/intel_pstate.rst (no_turbo), cpufreq.rst (boost)',
  mend: 'Switch Turbo Boost off in the firmware, or write 1 to /sys/devices/system/cpu/intel_pstate/no_turbo or 0 to cpufreq/boost.',
  value: z.boolean(),
  reads: () => files('/sys/devices/system/cpu/intel_pstate/no_turbo', '/sys/devices/system/cpu/cpufreq/boost'),
  items: ({ value: on }, now) => [
    ...matching(now, /\/intel_pstate\/no_turbo$/).map(({ path }) => value(path, 'flag', on ? 0 : 1)),
    ...matching(now, /\/cpufreq\/boost$/).map(({ path }) => value(path, 'flag', on ? 1 : 0)),
  ],
});

export const energyBias = defineKnob({
  name: 'energy-bias',
  group: 'platform',
  summary: 'Tells the processor to prefer performance to power saving.',
  why: 'The processor chooses frequencies and uncore states itself and takes this as a hint.',
  costs: 'Microseconds of slower ramp-up after idle.',
  source: 'Documentation/admin-guide/pm/intel_epb.rst, intel_pstate.rst (energy_performance_preference)',
  mend: 'cpupower set --perf-bias 0, and the performance setting of the firmware',
  value: z.literal('performance'),
  reads: () =>
    files(
      '/sys/devices/system/cpu/cpu[0-9]*/power/energy_perf_bias',
      '/sys/devices/system/cpu/cpufreq/policy*/energy_performance_preference',
    ),
  items: (_, now) => [
    ...matching(now, /cpu(\d+)\/power\/energy_perf_bias$/).map(({ path, groups }) =>
      value(path, 'number', 0, { label: label(groups) }),
    ),
    ...matching(now, /cpufreq\/(policy\d+)\/energy_performance_preference$/).map(({ path, groups }) =>
      value(path, 'text', 'performance', { label: groups[0] ?? path }),
    ),
  ],
});

export const minimumPerformance = defineKnob({
  name: 'minimum-performance',
  group: 'platform',
  summary: 'Lowest P-state of intel_pstate, percent of the highest.',
  why: 'Keeps the frequency at the top also where the governor would lower it.',
  costs: 'As for the governor.',
  source: 'Documentation/admin-guide/pm/intel_pstate.rst (min_perf_pct)',
  mend: 'Write 100 to /sys/devices/system/cpu/intel_pstate/min_perf_pct.',
  value: z.int().min(1).max(100),
  reads: () => files('/sys/devices/system/cpu/intel_pstate/min_perf_pct'),
  items: ({ value: percent }, now) =>
    matching(now, /\/intel_pstate\/min_perf_pct$/).map(({ path }) => value(path, 'number', percent)),
});

export const platformProfile = defineKnob({
  name: 'platform-profile',
  group: 'platform',
  summary: 'ACPI platform profile.',
  why: 'The firmware limits power and fans by it, and frequencies with them.',
  costs: 'Lower and less steady frequencies.',
  source: 'Documentation/ABI/testing/sysfs-platform_profile',
  mend: 'Write performance to /sys/firmware/acpi/platform_profile.',
  value: z.enum(['performance', 'balanced', 'low-power']),
  reads: () => files('/sys/firmware/acpi/platform_profile', '/sys/firmware/acpi/platform_profile_choices'),
  items: ({ value: profile }, now) =>
    (now.files.get('/sys/firmware/acpi/platform_profile_choices') ?? '').split(/\s+/).includes(profile)
      ? [value('/sys/firmware/acpi/platform_profile', 'text', profile)]
      : [],
});
