import { trustFunctions } from '../../host/trust-script.js';

/*
 * Constant texts that run on the host of guests. $1 is root's directory of leases; each other user has one of his own beside
 * it, with his number at its end: only who owns a directory writes to it, all look into all. The lock is the parent
 * directory itself, so that these directories can come and go.
 */

const locked = `${trustFunctions}
leases=$1; shift
directory=$leases; user=$(id -u)
[ "$user" = 0 ] || directory=$leases-$user
exec 9<"\${leases%/*}" || exit 1
flock -w 30 9 || { printf '%s is locked by another process\\n' "\${leases%/*}" >&2; exit 1; }
`;

/**
 * Takes all or nothing. $2: `<KiB>:<node>:<count>` of huge pages, or nothing; the rest: names. stdin: the
 * lease, a line: what a dying controller sent only in part is none, and would be nobody's. Exit 3 and the name and lease that are in the way; exit 4 and `total free leased` where pages are too few.
 * What others' directories hold is read without following a link and without waiting for a FIFO.
 */
export const takeScript = `IFS= read -r text || exit 1
${locked}
trust "$directory" 755 || exit
pages=$1; shift
for name; do
  for lease in "$leases/$name" "$leases"-*/"$name"; do
    [ -e "$lease" ] || [ -L "$lease" ] || continue
    printf '%s\\n' "$name"
    dd if="$lease" iflag=nofollow,nonblock bs=4096 count=1 2>/dev/null
    exit 3
  done
done
if [ -n "$pages" ]; then
  size=\${pages%%:*}; count=\${pages##*:}; node=\${pages#*:}; node=\${node%:*}
  pool=/sys/kernel/mm/hugepages; mine=hugepages-$size
  [ -z "$node" ] || { pool=/sys/devices/system/node/node$node/hugepages; mine=hugepages-$size-node$node; }
  total=0 free=0 leased=0
  read -r total <"$pool/hugepages-\${size}kB/nr_hugepages" 2>/dev/null
  read -r free <"$pool/hugepages-\${size}kB/free_hugepages" 2>/dev/null
  for lease in "$leases/$mine"[-.]* "$leases"-*/"$mine"[-.]*; do
    # Whoever names a file like this names a number, or the shell would compute with his words.
    case \${lease##*.} in '' | 0* | *[!0-9]* | ??????????*) continue ;; esac
    leased=$((leased + \${lease##*.}))
  done
  if [ "$count" -gt "$free" ] || [ "$count" -gt $((total - leased)) ]; then echo "$total $free $leased"; exit 4; fi
  number=1
  while [ -e "$directory/$mine.$number.$count" ]; do number=$((number + 1)); done
  set -- "$@" "$mine.$number.$count"
fi
umask 022
printf '%s\\n' "$text" >"$directory/.new.$$" || exit 1
for name; do ln "$directory/.new.$$" "$directory/$name" || exit 1; done
rm -f "$directory/.new.$$"
`;

/**
 * Prints and removes the leases of run $2, of its context $3 where that is given. Nothing of ours is in a directory that can't be
 * trusted, unless an earlier version put it into one that all users shared.
 */
export const dropScript = `${locked}
run=$1; context=$2
if [ -d "$directory" ] && trust "$directory" 755 2>/dev/null; then set -- "$directory"/*; else set --; fi
[ "$user" = 0 ] || [ ! -d "$leases" ] || ! trust "$leases" '' through 2>/dev/null || set -- "$@" "$leases"/*
for lease; do
  [ ! -L "$lease" ] && [ -f "$lease" ] && [ -O "$lease" ] || continue
  grep -qF "\\"run\\":\\"$run\\"" "$lease" || continue
  [ -z "$context" ] || grep -qF "\\"context\\":\\"$context\\"" "$lease" || continue
  rm -f "$lease" 2>/dev/null && printf '%s\\n' "\${lease##*/}"
done
rmdir "$directory" 2>/dev/null
exit 0
`;
