import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { hwlatError, hwlatScript, parseHwlat } from '../trace/hwlat.js';
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

// `$1` seconds, `$2` threshold.
const script = `
counter() { od -An -v -tu8 -j 52 -N 8 /dev/cpu/0/msr 2>/dev/null | tr -d ' '; }
# A virtual CPU counts the SMIs of its own machine, not those of its host.
if grep -qs '^vendor_id.*GenuineIntel' /proc/cpuinfo && ! grep -qsw hypervisor /proc/cpuinfo && before=$(counter) && [ -n "$before" ]; then
  sleep "$1"
  echo "msr $(($(counter) - before))"
  exit 0
fi
${hwlatScript}`;

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
    throw new Kvm4nfvError('E_SMI', `${host.name} neither counts SMIs nor has the hwlat tracer`, {
      hint: 'modprobe msr (Intel), or use a kernel with CONFIG_HWLAT_TRACER and mount tracefs.',
    });
  const error = hwlatError(host.name, exitCode, stdout);
  if (error !== undefined) throw error;
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
