/*
 * Constant texts that run on the host of guests. The lock is the parent directory itself, so that the directory of the
 * leases can come and go.
 */

const locked = `
directory=$1; shift
exec 9<"\${directory%/*}" && flock -w 30 9 || exit 1
`;

/**
 * Takes all or nothing. $1: directory; $2: `<KiB>:<node>:<count>` of huge pages, or nothing; the rest: names. stdin: the
 * lease, a line: what a dying controller sent only in part is none, and would be nobody's. Exit 3 and the name and lease that are in the way; exit 4 and `total free leased` where pages are too few.
 */
export const takeScript = `IFS= read -r text || exit 1
${locked}
mkdir -p "$directory" 2>/dev/null; chmod 1777 "$directory" 2>/dev/null
pages=$1; shift
for name; do
  [ ! -e "$directory/$name" ] || { printf '%s\\n' "$name"; cat "$directory/$name"; exit 3; }
done
if [ -n "$pages" ]; then
  size=\${pages%%:*}; count=\${pages##*:}; node=\${pages#*:}; node=\${node%:*}
  pool=/sys/kernel/mm/hugepages; mine=hugepages-$size
  [ -z "$node" ] || { pool=/sys/devices/system/node/node$node/hugepages; mine=hugepages-$size-node$node; }
  total=0 free=0 leased=0
  read -r total <"$pool/hugepages-\${size}kB/nr_hugepages" 2>/dev/null
  read -r free <"$pool/hugepages-\${size}kB/free_hugepages" 2>/dev/null
  for lease in "$directory/$mine"[-.]*; do
    [ -e "$lease" ] && leased=$((leased + \${lease##*.}))
  done
  if [ "$count" -gt "$free" ] || [ "$count" -gt $((total - leased)) ]; then echo "$total $free $leased"; exit 4; fi
  number=1
  while [ -e "$directory/$mine.$number.$count" ]; do number=$((number + 1)); done
  set -- "$@" "$mine.$number.$count"
fi
printf '%s\\n' "$text" >"$directory/.new.$$" || exit 1
for name; do ln "$directory/.new.$$" "$directory/$name" || exit 1; done
rm -f "$directory/.new.$$"
`;

/** Prints and removes the leases of run $2, of its context $3 where that is given. $1: directory. */
export const dropScript = `${locked}
run=$1; context=$2
for lease in "$directory"/*; do
  [ -f "$lease" ] || continue
  grep -qF "\\"run\\":\\"$run\\"" "$lease" || continue
  [ -z "$context" ] || grep -qF "\\"context\\":\\"$context\\"" "$lease" || continue
  rm -f "$lease" && printf '%s\\n' "\${lease##*/}"
done
rmdir "$directory" 2>/dev/null
exit 0
`;
