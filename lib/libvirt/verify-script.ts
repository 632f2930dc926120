/**
 * Tells of a domain's QEMU process, in one go: argv is the domain, then the command line of virsh. Standard output has a
 * line for each thing, its fields parted by tabs:
 * `cpus` and `iothreads` with QMP's reply, `pid`, `locked` kB, `task` tid, affinity, policy, priority, name;
 * `pages` kB of the page size, kB held, kB that KSM may merge; `node` number, kB of memory that is bound to nodes.
 */
export const processScript = String.raw`
set -u
domain=$1; shift
ask() { "$@" qemu-monitor-command --domain "$domain" --cmd "{\"execute\":\"$what\"}"; }
what=query-cpus-fast; cpus=$(ask "$@") || exit 1
what=query-iothreads; iothreads=$(ask "$@") || exit 1
printf 'cpus\t%s\n' "$cpus"
printf 'iothreads\t%s\n' "$iothreads"
# A CPU's place in its core is a "thread-id" too, but a small one.
tid=$(printf '%s' "$cpus" | grep -o '"thread-id": *[0-9]*' | sed 's/.*[: ]//' | sort -n | tail -n 1)
pid=$(sed -n 's/^Tgid:[[:space:]]*//p' "/proc/$tid/status") || exit 1
printf 'pid\t%s\n' "$pid"
printf 'locked\t%s\n' "$(sed -n 's/^VmLck:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$pid/status")"
for task in /proc/"$pid"/task/*; do
  allowed=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "$task/status" 2>/dev/null) || continue
  # Fields after the name, which may hold anything: 38 is the real-time priority, 39 the policy.
  set -- $(sed 's/^.*) //' "$task/stat" 2>/dev/null)
  [ "$#" -ge 39 ] && printf 'task\t%s\t%s\t%s\t%s\t%s\n' "$(basename "$task")" "$allowed" "$(eval echo '$'{39})" "$(eval echo '$'{38})" "$(cat "$task/comm" 2>/dev/null)"
done
awk '
  /^Rss:/ { rss = $2 } /^(Shared|Private)_Hugetlb:/ { huge += $2 } /^KernelPageSize:/ { size = $2 }
  /^VmFlags:/ { held[size] += rss + huge; if ($0 ~ / mg( |$)/) merge[size] += rss; rss = 0; huge = 0 }
  END { for (s in held) printf "pages\t%d\t%d\t%d\n", s, held[s], merge[s] }' "/proc/$pid/smaps"
[ ! -e "/proc/$pid/numa_maps" ] || awk '
  $2 ~ /^bind/ { kb = 4; for (i = 3; i <= NF; i++) if ($i ~ /^kernelpagesize_kB=/) { split($i, f, "="); kb = f[2] }
    for (i = 3; i <= NF; i++) if ($i ~ /^N[0-9]+=/) { split(substr($i, 2), f, "="); node[f[1]] += f[2] * kb } }
  END { for (n in node) printf "node\t%d\t%d\n", n, node[n] }' "/proc/$pid/numa_maps"
`;
