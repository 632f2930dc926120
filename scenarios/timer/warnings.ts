import { Kvm4nfvError } from '../../lib/plugin.js';

/**
 * What a tool's warning means for its result: it may be wrong (`no-data`), the machine could not do what was asked for (`environment`), or
 * it is right and measured something a little different (`note`).
 */
type Effect = 'no-data' | 'environment' | 'note';

interface Warning {
  readonly pattern: RegExp;
  readonly effect: Effect;
  /** What to do about it. */
  readonly hint?: string;
}

const cpus =
  'see which CPUs the machine allows: cpuset.cpus.effective of the cgroup, Cpus_allowed_list in /proc/self/status';
const rights = 'it needs root, and CAP_SYS_NICE and memory locking in a container';

/** Of cyclictest and oslat (rt-tests 2.1 to 2.10), rtla (5.17 to 6.17) and hwlatdetect, from their sources. */
const known: readonly Warning[] = [
  { pattern: /events missed, results might not be accurate/, effect: 'no-data' },
  { pattern: /^Error (?:iterating on events|pulling BPF data)|error reading \w+ from histogram/, effect: 'no-data' },
  { pattern: /Bucket \d+ overflowed|Accumulated overflow too much/, effect: 'no-data' },
  {
    pattern: /could not set CPU affinity|couldn't setaffinity|failed to set .*affinity/i,
    effect: 'environment',
    hint: cpus,
  },
  {
    pattern: /High resolution timers not available/,
    effect: 'environment',
    hint: 'CONFIG_HIGH_RES_TIMERS, a usable clocksource, no highres=off',
  },
  {
    pattern: /failed to set priority|unable to change scheduling policy/i,
    effect: 'environment',
    hint: rights,
  },
  {
    pattern: /failed to set sched (?:parameters|attributes)|Error setting sched attributes/i,
    effect: 'environment',
    hint: rights,
  },
  { pattern: /could not set NUMA node/i, effect: 'note' },
  { pattern: /mlockall: |mlockall failed|Cannot lock memory/i, effect: 'environment', hint: rights },
  {
    pattern: /SMI counter is not supported|MSR interface|could not read SMI counter|SMI counter relies/i,
    effect: 'environment',
    hint: 'leave smi out, or modprobe msr on an Intel processor',
  },
  {
    pattern: /unrecognized option|invalid option|unknown option/i,
    effect: 'environment',
    hint: 'leave the option out, or install a newer version of the tool',
  },
  { pattern: /(?:stat|open|setting|set|write|writing).*\/dev\/cpu_dma_latency/i, effect: 'note' },
  {
    pattern:
      /failed to (?:apply CPUs config|set (?:stop|timerlat period|print stack|tracing_thresh|runtime|OSNOISE)|enable .*tracer)/i,
    effect: 'environment',
    hint: 'see whether somebody else traces there: cat /sys/kernel/tracing/current_tracer',
  },
  {
    pattern:
      /could not mount debugfs|unable to open (?:trace_marker|tracing_on) file|(?:trace_marker|tracing_on) file:/i,
    effect: 'note',
  },
  { pattern: /getrlimit failed|setrlimit failed/i, effect: 'note' },
];

/** A line of a tool, short enough to be told. */
const brief = (line: string): string => line.trim().slice(0, 200);

export interface Warnings {
  /** For {@link Measurement.doubts}. */
  readonly doubts: readonly string[];
  readonly notes: readonly string[];
}

/** Known warnings in what a tool printed, each once. Fault `environment` where one says that the machine could not do what was asked for. */
export const readWarnings = (tool: string, text: string, fatal: readonly RegExp[] = []): Warnings => {
  const found = { doubts: new Set<string>(), notes: new Set<string>() };
  for (const line of text.split('\n')) {
    const warning = fatal.some((pattern) => pattern.test(line))
      ? ({ effect: 'environment', hint: undefined } as const)
      : known.find(({ pattern }) => pattern.test(line));
    if (warning === undefined) continue;
    const said = `${tool}: ${brief(line)}`;
    if (warning.effect === 'environment')
      throw new Kvm4nfvError('E_TOOL_WARNING', said, warning.hint === undefined ? {} : { hint: warning.hint });
    found[warning.effect === 'note' ? 'notes' : 'doubts'].add(said);
  }
  return { doubts: [...found.doubts], notes: [...found.notes] };
};
