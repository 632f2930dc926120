import * as z from 'zod';
import { defineKnob, type Item } from '../knob.js';
import { files, line, matching } from '../reading.js';
import { lacking, parameter, value } from './common.js';

const halt = '/sys/module/kvm/parameters/halt_poll_ns';

export const haltPolling = defineKnob({
  name: 'kvm-halt-polling',
  group: 'performance',
  summary: 'For how many nanoseconds the host polls when a vCPU halts, before it lets go of the CPU.',
  why: 'On a CPU that belongs to one vCPU polling spares the wake-up; on shared ones it takes time from others.',
  costs: 'The wake-up of a vCPU: 5 to 50 microseconds for each interrupt after idle.',
  source: 'Documentation/virt/kvm/halt-polling.rst',
  mend: 'Write to /sys/module/kvm/parameters/halt_poll_ns.',
  value: z.int().min(0),
  reads: () => files(halt),
  items: ({ value: nanoseconds }) => [value(halt, 'number', nanoseconds)],
});

/** Parameters that the modules let one change while they run; the others are given on the kernel command line. */
const runtime = new Set([
  'kvm.halt_poll_ns',
  'kvm.halt_poll_ns_grow',
  'kvm.halt_poll_ns_shrink',
  'kvm.min_timer_period_us',
  'kvm.nx_huge_pages',
  'kvm.lapic_timer_advance_ns',
  'kvm.pi_inject_timer',
  'kvm.ignore_msrs',
]);
const names = z
  .string()
  .regex(/^kvm(?:_intel|_amd)?\.[a-z0-9_]+$/, 'expected module.parameter, such as kvm_intel.ple_gap');
const settings = z.union([z.string().regex(/^[A-Za-z0-9_-]+$/), z.int(), z.boolean().transform(Number)]);

export const kvmParameters = defineKnob({
  name: 'kvm-parameters',
  group: 'performance',
  summary:
    'Parameters of kvm, kvm_intel and kvm_amd: kvmclock_periodic_sync, nx_huge_pages, ple_gap, preemption_timer, ...',
  why: 'kvmclock_periodic_sync wakes every vCPU each five minutes; nx_huge_pages splits huge pages; ple_gap makes vCPUs exit for spinning, which is wasted where each has a CPU of its own; the preemption timer and AVIC/APICv spare exits.',
  costs: 'An exit of one to several microseconds each time; page faults where huge pages are split.',
  source: `Documentation/admin-guide/kernel-parameters.txt: kvm.*, kvm-intel.*, kvm-amd.*`,
  mend: 'options kvm_intel ple_gap=0 in /etc/modprobe.d, or kvm_intel.ple_gap=0 on the kernel command line.',
  needsReboot: true,
  value: z.record(names, settings),
  reads: () => files('/sys/module/kvm*/parameters/*'),
  items: ({ value: wanted }, now) =>
    Object.entries(wanted).map(([name, want]): Item => {
      const [module = '', own = ''] = name.split('.');
      const path = `/sys/module/${module}/parameters/${own}`;
      // Another vendor's module, or a parameter of another kernel version: guard before anything is written.
      if (!now.files.has(path)) return lacking(name, `${path} is not there`);
      const shown = line(now, path) ?? '';
      const aspect = /^[YN]$/i.test(shown) ? 'flag' : 'text';
      // Of nx_huge_pages `never` is off for good: the kernel takes nothing else then.
      if (shown === 'never' && String(want) === '0')
        return { kind: 'check', label: name, place: { kind: 'file', path }, aspect: 'text', want: shown };
      if (runtime.has(name)) return value(path, aspect, want, { label: name });
      const item = value(path, aspect, want, { label: name });
      const same = aspect === 'flag' ? (/^y$/i.test(shown) ? '1' : '0') === String(want) : shown === String(want);
      return same ? item : parameter(`${name}=${String(want)}`);
    }),
});

const timer = /^\/sys\/module\/kvm_intel\/parameters\/preemption_timer$/;

export const preemptionTimer = defineKnob({
  name: 'kvm-preemption-timer',
  group: 'performance',
  summary: "The VMX pre-emption timer drives the guest's TSC deadline timer.",
  why: 'Without it each guest timer is a host hrtimer: an interrupt on the host and an exit more. KVM4NFV carried the patch; it is upstream since 4.8.',
  costs: 'About 30 % of the average cyclictest latency in a guest, as KVM4NFV measured.',
  source: 'Documentation/admin-guide/kernel-parameters.txt: kvm-intel.preemption_timer',
  mend: 'Load kvm_intel with preemption_timer=1.',
  value: z.literal('on'),
  reads: () => files('/sys/module/kvm_intel/parameters/preemption_timer'),
  items: (_, now) =>
    matching(now, timer).map(({ path }): Item => ({
      kind: 'value',
      path,
      aspect: 'flag',
      want: '1',
      bootOnly: true,
      label: 'preemption_timer',
    })),
});
