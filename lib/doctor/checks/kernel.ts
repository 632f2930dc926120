import { bootLine, realtimeKernelLine } from '../distribution.js';
import { findingOf, microseconds } from '../finding.js';
import type { Check } from '../seen.js';
import { command, files, line, names, outputOf } from '../../tuning/reading.js';

export const realtimeKernel: Check = {
  reads: [],
  look: ({ machine: { kernel }, use, distribution, platform }) => {
    if (kernel.realtime) return undefined;
    const what = `kernel ${kernel.release} is not a PREEMPT_RT kernel`;
    if (use === 'dpdk')
      return findingOf({
        check: 'realtime-kernel',
        what: `${what}; threads that poll on isolated CPUs do not need one`,
        costs: 'None: a thread that polls never waits to be scheduled.',
        mend: 'Nothing to do.',
      });
    return findingOf({
      check: 'realtime-kernel',
      what,
      costs: 'A task that wakes up waits until the kernel is done with whatever it is at.',
      cost: microseconds(
        1400,
        9500,
        'redhat ocp-virt-cookbook, issue 141: cyclictest in guests without it, on a host well tuned',
      ),
      mend: realtimeKernelLine(distribution, platform),
    });
  },
};

/** What of a kernel's configuration makes every lock or allocation slow. */
const options = ['PROVE_LOCKING', 'LOCK_STAT', 'DEBUG_LOCK_ALLOC', 'KASAN', 'KCSAN', 'KMSAN', 'DEBUG_KMEMLEAK', 'DEBUG_OBJECTS', 'DEBUG_ATOMIC_SLEEP'] as const; // prettier-ignore
const configuration = [
  'sh',
  '-c',
  `pattern=$1; { cat "/boot/config-$(uname -r)" || cat "/lib/modules/$(uname -r)/config" || zcat /proc/config.gz; } 2>/dev/null | grep -E "$pattern" || :`,
  'sh',
  `^CONFIG_(${options.join('|')})=y`,
] as const;
const shownBy: Readonly<Record<string, string>> = {
  '/proc/lockdep': 'PROVE_LOCKING',
  '/proc/lock_stat': 'LOCK_STAT',
  '/sys/kernel/debug/kmemleak': 'DEBUG_KMEMLEAK',
};
const parameters = /(?:^|\s)((?:slub_debug|slab_debug|debug_pagealloc|kasan)(?:=(?!off\b|0\b|-)\S+)?)(?=\s|$)/g;

export const debugKernel: Check = {
  reads: [command(...configuration), ...Object.keys(shownBy).map(names)],
  look: ({ now, machine: { kernel, cmdline } }) => {
    const built = (outputOf(now, ...configuration)?.stdout ?? '').matchAll(/^CONFIG_(\w+)=y/gm);
    const shown = Object.entries(shownBy).flatMap(([path, option]) => (now.names.has(path) ? [option] : []));
    const asked = [...cmdline.matchAll(parameters)].map(([, text = '']) => text);
    const signs = [...new Set([...[...built].map(([, option = '']) => option), ...shown]), ...asked];
    const named = /[+.-](?:debug|dbg)\b/.test(kernel.release);
    if (signs.length === 0 && !named) return undefined;
    return findingOf({
      check: 'debug-kernel',
      what: `kernel ${kernel.release} is a debug kernel${signs.length === 0 ? '' : ` (${signs.join(', ')})`}`,
      costs:
        'Every lock and allocation is checked, with interrupts off: latencies say nothing about the kernel that will be used.',
      cost: microseconds(100, 1000, 'estimated; Linux, Documentation/locking/lockdep-design.rst'),
      mend:
        asked.length > 0 && !named && signs.length === asked.length
          ? `Boot without ${asked.join(' ')}.`
          : 'Boot the kernel of the same version without debugging.',
    });
  },
};

/** Mechanisms by what the kernel says of them in vulnerabilities/*, with what each costs in nanoseconds. */
const mechanisms: readonly (readonly [RegExp, string, number])[] = [
  [/cache flushes/, 'L1 cache flushed at entries to guests', 10_000],
  [/Split huge pages/, "huge pages of guests split, and put together again by a thread of KVM's", 9000],
  [/Clear CPU buffers/i, 'CPU buffers cleared at each exit to user space or a guest', 500],
  [/\bPTI\b/, 'page tables changed at each entry to the kernel', 400],
  [/IBPB: always-on|Mitigation: IBPB/, 'branch predictor flushed at changes of task or exits of guests', 2000],
  [/untrained return thunk|Safe RET/i, 'returns made safe', 200],
  [/\bIBRS\b|Retpolines/, 'indirect branches restricted', 200],
];

export const mitigations: Check = {
  reads: files('/sys/devices/system/cpu/vulnerabilities/*'),
  look: ({ now, distribution }) => {
    const told = [...now.files].flatMap(([path, text]) =>
      path.startsWith('/sys/devices/system/cpu/vulnerabilities/') && text.includes('Mitigation:')
        ? [{ name: path.slice(path.lastIndexOf('/') + 1), text }]
        : [],
    );
    const found = mechanisms.flatMap(([pattern, what, most]) => {
      const of = told.filter(({ text }) => pattern.test(text)).map(({ name }) => name);
      return of.length === 0 ? [] : [{ what, most, of }];
    });
    if (found.length === 0) return undefined;
    return {
      findings: [
        findingOf({
          check: 'mitigations',
          what: `mitigations are on: ${found.map(({ what, of }) => `${what} (${of.join(', ')})`).join('; ')}`,
          costs: 'Time for each system call, interrupt from user space, or exit of a guest.',
          cost: {
            least: Math.min(...found.map(({ most }) => most)),
            most: Math.max(...found.map(({ most }) => most)),
            source: 'estimated; Linux, Documentation/admin-guide/hw-vuln',
          },
          mend: `Only where all code on the machine and in its guests is trusted: ${bootLine(['mitigations=off'], distribution)}`,
          knob: 'mitigations',
          suite: "knobs: { mitigations: 'off' }",
        }),
      ],
      silences: ['mitigations'],
    };
  },
};

/** The processor has the detection that `split_lock_mitigate` belongs to: the kernel names it among the flags. */
export const splitLocks: Check = {
  reads: [],
  look: ({ platform: { flags }, machine: { cmdline } }) => {
    const off = /(?:^|\s)split_lock_detect=off(?=\s|$)/.test(cmdline);
    const detects = flags.has('split_lock_detect') || flags.has('bus_lock_detect');
    return off || !detects ? { findings: [], silences: ['split-lock'] } : undefined;
  },
};

/** Without a watchdog that runs there is none to switch off at boot. */
export const softLockups: Check = {
  reads: files('/proc/sys/kernel/watchdog', '/proc/sys/kernel/soft_watchdog'),
  look: ({ now }) => {
    const runs = ['watchdog', 'soft_watchdog'].map((name) => line(now, `/proc/sys/kernel/${name}`));
    return runs.includes('0') || runs[0] === undefined ? { findings: [], silences: ['nosoftlockup'] } : undefined;
  },
};

export const hardwareTracer: Check = {
  reads: files('/sys/kernel/tracing/available_tracers', '/sys/kernel/debug/tracing/available_tracers'),
  look: ({ now, platform }) => {
    const tracers =
      line(now, '/sys/kernel/tracing/available_tracers') ?? line(now, '/sys/kernel/debug/tracing/available_tracers');
    if (platform.hypervisor !== undefined || tracers?.split(' ').includes('hwlat') === true) return undefined;
    return findingOf({
      check: 'hwlat',
      what: tracers === undefined ? 'tracefs is not mounted' : 'the kernel has no hwlat tracer',
      costs: 'None; hardware latency can not be told from that of the kernel.',
      mend:
        tracers === undefined
          ? 'mount -t tracefs tracefs /sys/kernel/tracing'
          : 'Use a kernel with CONFIG_HWLAT_TRACER=y.',
    });
  },
};
