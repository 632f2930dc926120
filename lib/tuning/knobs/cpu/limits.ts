import * as z from 'zod';
import { intersectCpus, parseCpuList } from '../../../host/cpu-list.js';
import { defineKnob, type Item } from '../../knob.js';
import { files, line, matching } from '../../reading.js';
import { lacking, value } from '../common.js';

const kHz = z.int().min(1).meta({ description: 'kHz' });

export const maximumFrequency = defineKnob({
  name: 'maximum-frequency',
  group: 'platform',
  summary: 'Highest frequency of the isolated CPUs, and of the others, in kHz.',
  why: 'CPUs of one package share its power: those of housekeeping held back leave it to the isolated ones, and a limit that all can keep at once makes run times steady.',
  costs: 'Run times that vary with what the neighbours do.',
  source: 'Documentation/admin-guide/pm/cpufreq.rst (scaling_max_freq)',
  mend: 'Write to /sys/devices/system/cpu/cpufreq/policyN/scaling_max_freq.',
  value: z.strictObject({ isolated: kHz.optional(), housekeeping: kHz.optional() }),
  reads: () =>
    files(...['scaling_max_freq', 'affected_cpus'].map((file) => `/sys/devices/system/cpu/cpufreq/policy*/${file}`)),
  items: ({ value: { isolated, housekeeping }, machine }, now) =>
    matching(now, /^(\/sys\/devices\/system\/cpu\/cpufreq\/policy(\d+))\/scaling_max_freq$/).flatMap(
      ({ path, groups: [policy = '', number = ''] }): Item[] => {
        const cpus = parseCpuList((line(now, `${policy}/affected_cpus`) ?? number).replaceAll(' ', ','));
        const wanted = intersectCpus(cpus, machine.isolated).length > 0 ? isolated : housekeeping;
        return wanted === undefined ? [] : [value(path, 'number', wanted, { label: `policy${number}` })];
      },
    ),
});

const uncore = '/sys/devices/system/cpu/intel_uncore_frequency';

export const uncoreFrequency = defineKnob({
  name: 'uncore-frequency',
  group: 'platform',
  summary: 'The mesh, the L3 cache and the memory controllers stay at their highest frequency.',
  why: 'The uncore slows down when the package looks idle, which a few busy-polling CPUs do not prevent.',
  costs: 'Each cache miss takes up to twice as long: tens of nanoseconds for each, microseconds for a handler.',
  source: 'Documentation/admin-guide/pm/intel_uncore_frequency_scaling.rst',
  mend: 'Write the value of max_freq_khz to min_freq_khz of each directory of /sys/devices/system/cpu/intel_uncore_frequency.',
  value: z.union([z.literal('maximum'), kHz.meta({ description: 'Lowest frequency in kHz.' })]),
  reads: () => files(`${uncore}/*/min_freq_khz`, `${uncore}/*/max_freq_khz`),
  items: ({ value: wanted }, now) =>
    matching(now, /\/intel_uncore_frequency\/([^/]+)\/min_freq_khz$/).map(({ path, groups: [die = ''] }): Item => {
      const most = line(now, `${uncore}/${die}/max_freq_khz`);
      const amount = wanted === 'maximum' ? most : String(wanted);
      return amount === undefined
        ? lacking(die, `${uncore}/${die}/max_freq_khz is not there`)
        : value(path, 'number', amount, { label: die });
    }),
});
