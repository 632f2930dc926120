import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { findingOf, type Cost, type Finding } from './finding.js';

/** Time that was taken from a machine unseen by its kernel, as a rule by SMIs. */
export interface HardwareLatency {
  /** `msr`: SMIs counted by the processor (MSR_SMI_COUNT, 0x34). `hwlat`: gaps in the time of a CPU that spun with interrupts off. */
  readonly source: 'msr' | 'hwlat';
  /** Seconds that were looked at; hwlat spins half of them. */
  readonly seconds: number;
  readonly count: number;
  /** The longest gap in microseconds; only hwlat tells. */
  readonly longest?: number;
}

/** Gaps that are at least so long count; Linux's own default for the tracer. */
const thresholdUs = 10;

// `$1` seconds, `$2` threshold. The tracer is one for the whole machine: it is left alone where somebody uses it, and what was
// set is put back however this ends. hwlat wanders over all CPUs, from one window of a second to the next.
const script = `
counter() { od -An -v -tu8 -j 52 -N 8 /dev/cpu/0/msr 2>/dev/null | tr -d ' '; }
# A virtual CPU counts the SMIs of its own machine, not those of its host.
if grep -qs '^vendor_id.*GenuineIntel' /proc/cpuinfo && ! grep -qsw hypervisor /proc/cpuinfo && before=$(counter) && [ -n "$before" ]; then
  sleep "$1"
  echo "msr $(($(counter) - before))"
  exit 0
fi
tracing=/sys/kernel/tracing
[ -e $tracing/current_tracer ] || tracing=/sys/kernel/debug/tracing
grep -qsw hwlat $tracing/available_tracers || exit 69
read -r tracer <$tracing/current_tracer
[ "$tracer" = nop ] || { echo "$tracer"; exit 75; }
! grep -qs . $tracing/set_event || { echo events; exit 75; }
threshold=$(cat $tracing/tracing_thresh); on=$(cat $tracing/tracing_on)
put_back() { kill $! 2>/dev/null; echo nop >$tracing/current_tracer; echo "$threshold" >$tracing/tracing_thresh; echo "$on" >$tracing/tracing_on; }
trap put_back EXIT
trap 'exit 130' HUP INT TERM PIPE
echo "$2" >$tracing/tracing_thresh && echo 1 >$tracing/tracing_on && echo hwlat >$tracing/current_tracer || exit
# A signal ends a wait at once, and a sleep only at its end.
sleep "$1" & wait $!
echo 0 >$tracing/tracing_on
echo hwlat
cat $tracing/trace
`;

/** What the hwlat tracer wrote, a line for each window with gaps: their number, and the longest in microseconds. */
export const parseHwlat = (trace: string): readonly { readonly gaps: number; readonly longest: number }[] =>
  [...trace.matchAll(/inner\/outer\(us\):\s*(\d+)\/(\d+)(?:.*\bcount:(\d+))?/g)].map(([, inner, outer, count]) => ({
    gaps: Number(count ?? 1),
    longest: Math.max(Number(inner), Number(outer)),
  }));

/**
 * Looks for time that the hardware takes for itself: counts SMIs where the processor does, else lets the kernel's hwlat tracer
 * spin with interrupts off, half of the time, which disturbs whatever runs there. `environment` where neither can be had.
 */
export const measureHardwareLatency = async (
  host: Host,
  seconds: number,
  options: { readonly signal?: AbortSignal } = {},
): Promise<HardwareLatency> => {
  const { exitCode, stdout } = await host.exec(['sh', '-c', script, 'sh', String(seconds), String(thresholdUs)], {
    ...options,
    root: true,
    check: false,
    timeout: seconds * 1000 + 60_000,
  });
  if (exitCode === 69)
    throw new Kvm4nfvError('environment', `${host.name} neither counts SMIs nor has the hwlat tracer`, {
      hint: 'modprobe msr (Intel), or use a kernel with CONFIG_HWLAT_TRACER and mount tracefs.',
    });
  if (exitCode === 75)
    throw new Kvm4nfvError('environment', `${host.name}: the tracer is in use there (${stdout.trim()})`, {
      hint: 'Wait for whoever traces, or: echo nop >/sys/kernel/tracing/current_tracer.',
    });
  if (exitCode !== 0)
    throw new Kvm4nfvError('tool', `${host.name}: the hwlat tracer could not be used: exit ${String(exitCode)}`, {
      hint: 'It needs root and a kernel that is not locked down.',
    });
  const [source = '', ...rest] = stdout.split(/[ \n]/);
  if (source === 'msr') return { source, seconds, count: Number(rest[0]) };
  const windows = parseHwlat(stdout);
  return {
    source: 'hwlat',
    seconds,
    count: windows.reduce((sum, { gaps }) => sum + gaps, 0),
    ...(windows.length === 0 ? {} : { longest: windows.reduce((most, { longest }) => Math.max(most, longest), 0) }),
  };
};

const costOf = ({ source, count, longest }: HardwareLatency): Cost | undefined => {
  if (count === 0) return undefined;
  return source === 'hwlat' && longest !== undefined
    ? { least: thresholdUs * 1000, most: longest * 1000, source: 'this machine: what the hwlat tracer saw' }
    : { least: 10_000, most: 300_000, source: 'estimated; this machine counts SMIs and does not time them' };
};

export const hardwareLatencyFinding = (latency: HardwareLatency): Finding => {
  const { source, seconds, count, longest } = latency;
  const seen =
    source === 'msr'
      ? `${String(count)} SMIs`
      : `${String(count)} gaps of ${String(thresholdUs)} us and more${longest === undefined ? '' : `, the longest ${String(longest)} us`}`;
  const cost = costOf(latency);
  return findingOf({
    check: 'hardware-latency',
    what: `${seen} in ${String(seconds)} s (${source === 'msr' ? 'counted by the processor' : 'seen by the hwlat tracer, which spins half of the time'})`,
    costs: 'Each stops a CPU, or all of them, unseen by the kernel: SMIs for tens to hundreds of microseconds.',
    ...(cost === undefined ? {} : { cost }),
    mend: 'Legacy USB and port 60/64 emulation off in the firmware, no firmware refresh; in a guest, look at its host.',
  });
};
