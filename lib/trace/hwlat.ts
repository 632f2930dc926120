import { Kvm4nfvError } from '../error.js';

/**
 * Lets the hwlat tracer spin on CPUs with interrupts off and prints `hwlat`, then what it wrote. `$1` seconds, `$2` threshold in us. Without
 * more it wanders over all CPUs, from one window of a second to the next. With `$3` CPU mask, `$4` width and `$5` window in us it spins on
 * each of these at the same time, and a line `watched CPU NS` tells for how long. The tracer is one for the whole machine: it is left alone
 * where somebody uses it (exit 75), and what was set is put back however this ends. Exit 69 where there is none.
 */
export const hwlatScript = String.raw`
tracing=/sys/kernel/tracing
[ -e $tracing/current_tracer ] || tracing=/sys/kernel/debug/tracing
grep -qsw hwlat $tracing/available_tracers || exit 69
read -r tracer <$tracing/current_tracer
[ "$tracer" = nop ] || { echo "$tracer"; exit 75; }
! grep -qs . $tracing/set_event || { echo events; exit 75; }
detector=$tracing/hwlat_detector
threshold=$(cat $tracing/tracing_thresh); on=$(cat $tracing/tracing_on); mask=$(cat $tracing/tracing_cpumask)
width=$(cat $detector/width); window=$(cat $detector/window)
mode=$(sed -n 's/.*\[\(.*\)\].*/\1/p' $detector/mode 2>/dev/null)
# The kernel refuses a width that is not below the window, whichever comes first.
set_windows() { { echo "$2" >$detector/window; echo "$1" >$detector/width; echo "$2" >$detector/window; } 2>/dev/null; [ "$(cat $detector/width) $(cat $detector/window)" = "$1 $2" ]; }
put_back() {
  kill $! 2>/dev/null
  echo nop >$tracing/current_tracer
  if [ -n "$chosen" ]; then echo "$mode" >$detector/mode; echo "$mask" >$tracing/tracing_cpumask; set_windows "$width" "$window"; fi
  echo "$threshold" >$tracing/tracing_thresh; echo "$on" >$tracing/tracing_on
}
chosen=$3
trap put_back EXIT
trap 'exit 130' HUP INT TERM PIPE
if [ -n "$chosen" ]; then echo per-cpu >$detector/mode && echo "$3" >$tracing/tracing_cpumask && set_windows "$4" "$5" || exit; fi
echo "$2" >$tracing/tracing_thresh && echo 1 >$tracing/tracing_on && echo hwlat >$tracing/current_tracer || exit
# A signal ends a wait at once, and a sleep only at its end.
sleep "$1" & wait $!
echo hwlat
# Its threads end with tracing.
for comm in /proc/[0-9]*/comm; do
  [ -n "$chosen" ] && read -r name <"$comm" || continue
  case $name in hwlatd/*) read -r ran rest <"${'${comm%comm}'}schedstat"; echo "watched ${'${name#hwlatd/}'} $ran" ;; esac
done 2>/dev/null
echo 0 >$tracing/tracing_on
cat $tracing/trace
`;

/** A window of one CPU in which there were gaps. */
export interface HwlatWindow {
  /** Undefined: the line does not say. */
  readonly cpu: number | undefined;
  readonly gaps: number;
  /** Microseconds. */
  readonly longest: number;
}

/** What the hwlat tracer wrote, a line for each window with gaps: their number, and the longest in microseconds. */
export const parseHwlat = (trace: string): readonly HwlatWindow[] =>
  [...trace.matchAll(/^(.*)inner\/outer\(us\):\s*(\d+)\/(\d+)(?:.*\bcount:(\d+))?/gm)].map(
    ([, before = '', inner, outer, count]) => {
      const cpu = /\[(\d{1,4})\]/.exec(before)?.[1];
      return {
        cpu: cpu === undefined ? undefined : Number(cpu),
        gaps: Number(count ?? 1),
        longest: Math.max(Number(inner), Number(outer)),
      };
    },
  );

/** For how long the tracer spun on each CPU, nanoseconds. */
export const parseWatched = (output: string): ReadonlyMap<number, number> =>
  new Map([...output.matchAll(/^watched (\d{1,4}) (\d{1,15})$/gm)].map(([, cpu, ran]) => [Number(cpu), Number(ran)]));

/** Lines that the tracer wrote and that were no more in its buffer when it was read. */
export const lostWindows = (output: string): number => {
  const [, kept, written] = /^# entries-in-buffer\/entries-written: (\d+)\/(\d+)/m.exec(output) ?? [];
  return Number(written ?? 0) - Number(kept ?? 0);
};

/** The error that an exit code of {@link hwlatScript} stands for; undefined for 0. */
export const hwlatError = (host: string, exitCode: number | undefined, stdout: string): Kvm4nfvError | undefined => {
  switch (exitCode) {
    case 0:
      return undefined;
    case 69:
      return new Kvm4nfvError('E_SMI', `${host} has no hwlat tracer`, {
        hint: 'use a kernel with CONFIG_HWLAT_TRACER and mount tracefs.',
      });
    case 75:
      return new Kvm4nfvError('E_TRACER_BUSY', `${host}: the tracer is in use there (${stdout.trim().slice(0, 80)})`, {
        hint: 'Wait for whoever traces, or: echo nop >/sys/kernel/tracing/current_tracer.',
      });
    default:
      return new Kvm4nfvError(
        'E_TOOL_OUTPUT',
        `${host}: the hwlat tracer could not be used: exit ${String(exitCode)}`,
        {
          hint: 'It needs root and a kernel that is not locked down.',
        },
      );
  }
};
