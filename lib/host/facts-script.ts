/**
 * Shows all that {@link readFacts} wants in one go: one `grep` over many files of /proc and /sys, so that a host of
 * hundreds of CPUs costs one process and not thousands. A line is `<path>NUL<line of the file>`; the files that a
 * kernel or a user can't see are left out. What comes from commands has a path that starts with `:`.
 */
export const factsScript = String.raw`
export LC_ALL=C
show() { printf '%s\0%s\n' ":$1" "$2"; }
show virtualisation "$(systemd-detect-virt --vm 2>/dev/null)"
show uid "$(id -u)"
show user "$(id -un 2>/dev/null)"
[ "$(id -u)" = 0 ] || { sudo -n true >/dev/null 2>&1 && show sudo yes; }
show machine "$(uname -m)"
[ -e /dev/kvm ] && show kvm yes
cpu=/sys/devices/system/cpu
grep -asHZ '' \
  /proc/sys/kernel/hostname /proc/sys/kernel/osrelease /proc/sys/kernel/version /proc/sys/kernel/random/boot_id /proc/cmdline \
  /sys/kernel/realtime /sys/kernel/debug/sched/preempt \
  $cpu/online $cpu/offline $cpu/present $cpu/isolated $cpu/nohz_full $cpu/smt/control \
  $cpu/cpu[0-9]*/topology/physical_package_id $cpu/cpu[0-9]*/topology/core_id $cpu/cpu[0-9]*/topology/thread_siblings_list \
  $cpu/cpu[0-9]*/cpu_capacity /sys/devices/cpu_core/cpus /sys/devices/cpu_atom/cpus /sys/devices/cpu_lowpower/cpus \
  $cpu/cpu[0-9]*/cpufreq/scaling_governor $cpu/cpu[0-9]*/cpufreq/scaling_driver \
  $cpu/cpuidle/current_driver $cpu/cpuidle/current_governor $cpu/cpuidle/current_governor_ro \
  $cpu/cpu[0-9]*/cpuidle/state*/disable $cpu/cpu0/cpuidle/state*/name $cpu/cpu0/cpuidle/state*/desc \
  $cpu/cpu0/cpuidle/state*/latency $cpu/cpu0/cpuidle/state*/residency $cpu/vulnerabilities/* \
  /sys/devices/system/node/node[0-9]*/cpulist /sys/devices/system/node/node[0-9]*/hugepages/*/nr_hugepages \
  /sys/devices/system/node/node[0-9]*/hugepages/*/free_hugepages \
  /sys/kernel/mm/hugepages/*/nr_hugepages /sys/kernel/mm/hugepages/*/free_hugepages \
  /sys/kernel/mm/transparent_hugepage/enabled /sys/kernel/mm/transparent_hugepage/defrag \
  /sys/devices/system/clocksource/clocksource0/current_clocksource /sys/devices/system/clocksource/clocksource0/available_clocksource \
  /sys/class/dmi/id/sys_vendor /sys/class/dmi/id/product_name /sys/class/dmi/id/bios_vendor /sys/class/dmi/id/bios_version \
  /sys/class/dmi/id/bios_date /sys/hypervisor/type /proc/device-tree/hypervisor/compatible /proc/device-tree/compatible
grep -asHZ 'MemTotal' /proc/meminfo /sys/devices/system/node/node[0-9]*/meminfo
grep -asHZ -m 64 -E '^(vendor_id|cpu family|model|model name|stepping|microcode|flags|CPU implementer|Hardware)[[:space:]]*:' /proc/cpuinfo
exit 0
`;
