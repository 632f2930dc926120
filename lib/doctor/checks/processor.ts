import { formatCpuList, intersectCpus, parseCpuList } from '../../host/cpu-list.js';
import { files, line, matching } from '../../tuning/reading.js';
import { findingOf, microseconds } from '../finding.js';
import { bootLine } from '../distribution.js';
import type { Check, Seen } from '../seen.js';

const clock0 = (which: 'current' | 'available'): string =>
  `/sys/devices/system/clocksource/clocksource0/${which}_clocksource`;

/** Read in user space, in tens of nanoseconds. */
const fast = /^(?:tsc|arch_sys_counter|riscv_clocksource|timebase|stp|tod|hyperv_clocksource_tsc_page)$/;
/** Read over a bus, or with an exit to the hypervisor, by one CPU after the other. */
const slow: Readonly<Record<string, number>> = { hpet: 1.4, acpi_pm: 2.5, jiffies: 4000, hyperv_clocksource_msr: 3 };

const timekeeping = 'estimated; Linux, Documentation/timers/timekeeping.rst';

/** All CPUs may want the one clock at once. */
const readings = (each: number, { online }: Seen['machine']) =>
  microseconds(each, Math.max(10, each * online.length), `${timekeeping}; one reading for each CPU at worst`);

export const invariantTsc: Check = {
  reads: [],
  look: ({ platform: { architecture, flags, hypervisor }, now, machine }) => {
    if (architecture !== 'x86') return undefined;
    const missing = ['constant_tsc', 'nonstop_tsc'].filter((flag) => !flags.has(flag));
    // Clocks of a hypervisor's own need no invariant TSC of the guest.
    const clock = line(now, clock0('current')) ?? '';
    if (missing.length === 0 || flags.size === 0 || clock.startsWith('hyperv_clocksource_tsc')) return undefined;
    const each = slow[clock];
    return {
      findings: [
        findingOf({
          check: 'invariant-tsc',
          what: `the processor shows no ${missing.join(', ')}${each === undefined ? '' : `, so the clock is ${clock}`}`,
          costs:
            'The TSC is given up for a slower clock: a microsecond or more for each reading, by one CPU after the other.',
          cost: each === undefined ? microseconds(0.5, 10, timekeeping) : readings(each, machine),
          mend:
            hypervisor === undefined
              ? 'Another processor: this one has no TSC that goes on at one rate.'
              : 'On its host: cpu mode host-passthrough with the feature invtsc required.',
          knob: 'clocksource',
        }),
      ],
      // tsc=reliable on a TSC that is not would be a wrong clock.
      silences: ['clocksource', 'tsc'],
    };
  },
};

/** Since 5.16 the kernel itself trusts the TSC of such a processor on one or two sockets, and checks it no more. */
export const trustedTsc: Check = {
  reads: files('/sys/devices/system/cpu/cpu[0-9]*/topology/physical_package_id'),
  look: ({ now, platform: { flags }, machine: { kernel } }) => {
    const recent = kernel.major > 5 || (kernel.major === 5 && kernel.minor >= 16);
    const steady = ['constant_tsc', 'nonstop_tsc', 'tsc_adjust'].every((flag) => flags.has(flag));
    const sockets = new Set(matching(now, /\/topology\/physical_package_id$/).map(({ text }) => text.trim())).size;
    return recent && steady && sockets > 0 && sockets <= 2 ? { findings: [], silences: ['tsc'] } : undefined;
  },
};

export const deadlineTimer: Check = {
  reads: [],
  look: ({ platform: { architecture, flags, hypervisor, vendor } }) => {
    // AMD processors have none; KVM gives its guests one on any of them, other hypervisors have timers of their own.
    const expected = hypervisor === undefined ? vendor === 'intel' : hypervisor === 'kvm';
    if (architecture !== 'x86' || flags.size === 0 || !expected || flags.has('tsc_deadline_timer')) return undefined;
    return findingOf({
      check: 'tsc-deadline',
      what: 'the processor shows no tsc_deadline_timer',
      costs: 'Timers are programmed by counting bus ticks: less exact, and one exit more in a guest.',
      cost: microseconds(1, 5, 'estimated; KVM4NFV gained 30 % of the average by the deadline timer'),
      mend:
        hypervisor === undefined
          ? 'Boot without lapic=notscdeadline, with the newest microcode.'
          : 'On its host: require the CPU feature tsc-deadline.',
    });
  },
};

const clockMend = (
  { machine: { cmdline }, distribution }: Seen,
  current: string,
  available: readonly string[],
): string => {
  if (new RegExp(`(?:^|\\s)clocksource=${current}(?=\\s|$)`).test(cmdline))
    return `Boot without clocksource=${current}.`;
  return available.includes('tsc')
    ? bootLine(['clocksource=tsc'], distribution)
    : 'Look in the kernel log for why the TSC was found unstable (dmesg | grep -i tsc): a firmware update, or tsc=reliable only where that is wrong.';
};

const slowClock = (seen: Seen, current: string, available: readonly string[]) => {
  const givenUp = seen.platform.architecture === 'x86' && !available.includes('tsc');
  return findingOf({
    check: 'clocksource',
    what: `the clock is ${current}${givenUp ? ': the kernel found the TSC unstable' : ''} (it offers ${available.join(', ') || 'nothing else'})`,
    costs: 'A microsecond or more for each reading, and CPUs that read it at once wait for each other.',
    cost: readings(slow[current] ?? 1, seen.machine),
    mend: clockMend(seen, current, available),
    knob: 'clocksource',
  });
};

export const clocksource: Check = {
  reads: files(clock0('current'), clock0('available')),
  look: (seen) => {
    const current = line(seen.now, clock0('current'));
    // Without an invariant TSC nothing can be said of the clock that is not said of the processor.
    const { architecture, flags } = seen.platform;
    const invariant = architecture !== 'x86' || (flags.has('constant_tsc') && flags.has('nonstop_tsc'));
    if (current === undefined || !(invariant || fast.test(current))) return undefined;
    const available = (line(seen.now, clock0('available')) ?? '').split(/\s+/).filter((name) => name !== '');
    if (fast.test(current)) return current === 'tsc' ? undefined : { findings: [], silences: ['clocksource', 'tsc'] };
    // A guest's own clocks are the knob's to tell where there is a TSC to change to.
    if (slow[current] === undefined)
      return available.includes('tsc') ? undefined : { findings: [], silences: ['clocksource', 'tsc'] };
    return { findings: [slowClock(seen, current, available)], silences: ['clocksource', 'tsc'] };
  },
};

/** CPUs of each kind: Intel tells P and E cores by their counters, others by how much the scheduler thinks them worth. */
const kindsOf = ({ now }: Seen): ReadonlyMap<string, readonly number[]> => {
  const read = (path: string): readonly number[] => parseCpuList(line(now, path) ?? '');
  const [performance, efficient] = [read('/sys/devices/cpu_core/cpus'), read('/sys/devices/cpu_atom/cpus')];
  if (performance.length > 0 && efficient.length > 0)
    return new Map([
      ['P cores', performance],
      ['E cores', efficient],
    ]);
  const kinds = new Map<string, number[]>();
  for (const { text, groups } of matching(now, /\/cpu(\d+)\/cpu_capacity$/)) {
    const kind = `cores of capacity ${text.trim()}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), Number(groups[0])]);
  }
  return kinds;
};

export const hybridCores: Check = {
  reads: files(
    '/sys/devices/cpu_core/cpus',
    '/sys/devices/cpu_atom/cpus',
    '/sys/devices/system/cpu/cpu[0-9]*/cpu_capacity',
  ),
  look: (seen) => {
    const kinds = [...kindsOf(seen)];
    if (kinds.length < 2) return undefined;
    const used = kinds
      .map(([kind, cpus]) => [kind, intersectCpus(cpus, seen.machine.isolated)] as const)
      .filter(([, cpus]) => cpus.length > 0);
    const shown = (list: readonly (readonly [string, readonly number[]])[]): string =>
      list.map(([kind, cpus]) => `${kind} ${formatCpuList(cpus)}`).join(', ');
    if (used.length < 2)
      return findingOf({
        check: 'hybrid',
        what: `this machine has cores of several kinds: ${shown(kinds)}`,
        costs:
          used.length === 0
            ? 'None, as long as CPUs of one kind are isolated.'
            : 'None: the isolated CPUs are of one kind.',
        mend: 'Isolate CPUs of one kind.',
      });
    return findingOf({
      check: 'hybrid',
      what: `the isolated CPUs are of several kinds: ${shown(used)}`,
      costs: 'The same work takes up to twice as long on the slower ones, and they leave idle states at another pace.',
      cost: microseconds(5, 50, 'estimated; Linux, Documentation/scheduler/sched-capacity.rst'),
      mend: `Isolate CPUs of one kind: ${used[0]?.[0] ?? ''} ${formatCpuList(used[0]?.[1] ?? [])}.`,
    });
  },
};

export const siblings: Check = {
  reads: [],
  look: ({ machine: { isolated, siblings: threads, online } }) => {
    const shared = isolated.filter((cpu) =>
      (threads.get(cpu) ?? []).some((other) => other !== cpu && online.includes(other) && !isolated.includes(other)),
    );
    if (shared.length === 0) return undefined;
    const others = [...new Set(shared.flatMap((cpu) => threads.get(cpu) ?? []))].filter(
      (cpu) => !isolated.includes(cpu) && online.includes(cpu),
    );
    return findingOf({
      check: 'siblings',
      what: `CPUs ${formatCpuList(shared)} share their core with housekeeping CPUs ${formatCpuList(others)}`,
      costs: 'Up to half of the speed, whenever the sibling is busy.',
      cost: microseconds(1, 50, 'estimated; Linux, Documentation/admin-guide/hw-vuln/core-scheduling.rst'),
      mend: `${others.map((cpu) => `echo 0 >/sys/devices/system/cpu/cpu${String(cpu)}/online`).join('; ')} (or isolate both threads of each core)`,
      knob: 'smt',
      suite: 'knobs: { smt: siblings-offline }',
    });
  },
};
