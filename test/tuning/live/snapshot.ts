import type { Host } from '../../../lib/host/host.js';

/**
 * Everything of a machine that a tuning could change, found without a word of the knobs: settings, mounts, units, files,
 * schedules of kernel threads, network devices. One line each, `place<TAB>value`.
 */
const script = `
LC_ALL=C; export LC_ALL
show() { xargs -0 -r grep -aHsZ '' /dev/null 2>/dev/null | tr '\\0' '\\t'; }
find /proc/sys/kernel /proc/sys/vm -type f -perm -u+w -perm -u+r -print0 2>/dev/null | show
find /proc/irq -maxdepth 2 -name 'smp_affinity_list' -print0 | show; echo "default irq	$(cat /proc/irq/default_smp_affinity)"
find /sys/devices/system/cpu /sys/devices/system/machinecheck /sys/devices/system/clocksource -type f -perm -u+w -perm -u+r -print0 2>/dev/null | show
find /sys/devices/system/node /sys/kernel/mm -path '*/hugepages-*/nr_*' -type f -print0 | show
find /sys/kernel/mm/transparent_hugepage /sys/kernel/mm/ksm -type f -perm -u+w -print0 2>/dev/null | show
find /sys/devices/virtual/workqueue -name cpumask -print0 | show
find /sys/module/kvm /sys/module/kvm_intel /sys/module/kvm_amd /sys/module/pcie_aspm /sys/module/rcutree /sys/module/rcupdate /sys/module/workqueue -path '*/parameters/*' -type f -print0 2>/dev/null | show
find /sys/kernel/debug/sched -maxdepth 1 -type f -perm -u+w -print0 2>/dev/null | show
find /sys/fs/resctrl -type f -name schemata -print0 2>/dev/null | show
find /sys/fs/cgroup -name 'cpuset.cpus*' -print0 2>/dev/null | show
find /sys/fs/cgroup /sys/fs/resctrl /mnt -maxdepth 1 -type d 2>/dev/null | sed 's/$/	directory/'
find /sys/class/net/*/queues -type f '(' -name rps_cpus -o -name xps_cpus ')' -print0 2>/dev/null | show
for device in /sys/class/net/*/device; do
  [ -e "$device" ] || continue; name=\${device%/device}; name=\${name##*/}
  { ethtool -k "$name"; ethtool -c "$name"; ethtool -g "$name"; ethtool -l "$name"; } 2>/dev/null | sed "s/^/ethtool $name	/"
done
for device in /sys/bus/pci/devices/*; do printf 'driver of %s\\t%s %s\\n' "\${device##*/}" "$(readlink "$device/driver")" "$(cat "$device/driver_override" 2>/dev/null)"; done
sed 's/^/mount	/' /proc/mounts
systemctl list-units --all --plain --no-legend --type=service,timer,socket,path,mount 2>/dev/null | awk '$3 == "active" && $4 != "exited" { print "unit " $1 "	" $3 }'
ps -eo ppid=,comm=,cls=,rtprio=,ni= | awk '$1 == 2 && $2 !~ /^kworker/ { print "thread " $2 "	" $3 " " $4 " " $5 }'
for status in /proc/[0-9]*/status; do awk -v OFS='	' '/^Name:/ { n = $2 } /^PPid:/ { p = $2 } /^Cpus_allowed_list:/ { if (p == 2 && n !~ /^kworker/) print "cpus of " n, $2 }' "$status" 2>/dev/null; done
find /etc -xdev -type f -exec cksum {} + | sed 's/^/file	/'
find /etc /boot /var/lib/kvm4nfv -xdev -type d 2>/dev/null | sed 's/$/	directory/'
`;

/** What moves by itself, on any machine. */
const volatile = [
  /^\/proc\/sys\/kernel\/(random|ns_last_pid|pty\/nr|keys|bpf_stats)/,
  /^\/sys\/devices\/system\/cpu\/cpu\d+\/(cpuidle\/state\d+\/(usage|time|above|below|rejected|s2idle)|cpufreq\/(stats|scaling_cur_freq)|microcode|crash_notes|hotplug\/(state|fail))/,
  /scaling_cur_freq|cpuinfo_cur_freq|cpufreq\/.*stats/,
  /^unit (systemd-(tmpfiles|hostnamed|timedated|localed|logind)|user@|user-runtime-dir|session|run-user|apt-|man-db|dpkg-|e2scrub|logrotate|fstrim|ssh@|sshd@|run-)/,
  // Socket-activated: they end by themselves when idle.
  /^unit (libvirtd|virtlogd|virtlockd)\.service/,
  /^\/sys\/kernel\/mm\/transparent_hugepage\/.*\/stats\//,
  /^mount\t\S+ \/(run\/user|proc\/sys\/fs\/binfmt_misc)/,
  // Threads of interrupts follow whichever CPU their interrupt is on at the moment.
  /^cpus of irq\//,
  /^(thread|cpus of) (jbd2|psimon|kworker)/,
  // Made while CPUs come up, and a figure of the memory that is free then: no two boots are alike.
  /^cpus of rcu_gp/,
  /^\/proc\/sys\/vm\/user_reserve_kbytes/,
  /^\/sys\/kernel\/debug\/sched\/(debug|preempt)/,
];

export type HostSnapshot = ReadonlyMap<string, number>;

/** The lines, with how often each stands. */
export const snapshotOf = async (host: Host): Promise<HostSnapshot> => {
  const { stdout } = await host.exec(['sh', '-c', script], { root: true, check: false, timeout: 300_000 });
  const counted = new Map<string, number>();
  for (const line of stdout.split('\n'))
    if (line !== '' && !volatile.some((pattern) => pattern.test(line))) counted.set(line, (counted.get(line) ?? 0) + 1);
  if (counted.size < 100) throw new Error(`that is no snapshot of ${host.name}: ${stdout.slice(0, 500)}`);
  return counted;
};

/** What is only in one of them: `- before`, `+ after`. */
export const differences = (before: HostSnapshot, after: HostSnapshot): string[] => [
  ...[...before].filter(([line, count]) => after.get(line) !== count).map(([line]) => `- ${line}`),
  ...[...after].filter(([line, count]) => before.get(line) !== count).map(([line]) => `+ ${line}`),
];
