/**
 * Makes the directory of a machine, keeps ports for it that nobody listens on, and makes its disk. Ports are kept by a
 * link to their owner, and free again once the owner's directory is gone; they are below those that the kernel hands
 * out by itself. Prints a port a line.
 *
 * $1 the lab's directory, $2 the machine as `run/name`, $3 qemu-img, $4 the disk below, $5 its format, $6 how many
 * ports, the rest: ports to try, in that order.
 */
export const prepareScript = String.raw`set -eu
umask 077
lab=$1 machine=$2 tool=$3 below=$4 format=$5 left=$6
shift 6
mkdir -p "$lab/machines/${'$'}{machine%/*}"
mkdir "$lab/machines/$machine" || exit 73
cd "$lab/ports"
exec 9>lock
flock 9
used=" $(sed -n 's/^ *[0-9]*: [0-9A-F]*:\([0-9A-F]*\) .*/\1/p' /proc/net/tcp /proc/net/udp /proc/net/tcp6 /proc/net/udp6 2>/dev/null | tr '\n' ' ') "
for port; do
  [ "$left" -gt 0 ] || break
  case $used in *" $(printf %04X "$port") "*) continue ;; esac
  if [ -L "$port" ] && [ ! -d "$lab/machines/$(readlink "$port")" ]; then rm -f "$port"; fi
  ln -s "$machine" "$port" 2>/dev/null || continue
  left=$((left - 1))
  echo "$port"
done
exec 9>&-
[ "$left" -eq 0 ] || { echo 'no free ports' >&2; exit 75; }
"$tool" create -q -f qcow2 -F "$format" -b "$below" "$lab/machines/$machine/disk.qcow2" >&2
`;

/** Removes a machine's directory and gives its ports back. $1 the lab's directory, $2 `run/name`, or `run` for all of it. */
export const removeScript = String.raw`set -u
cd "$1/ports" || exit 0
for port in [0-9]*; do
  owner=$(readlink "$port") || continue
  case $owner in "$2" | "$2"/*) rm -f "$port" ;; esac
done
[ ! -e "$1/machines/$2" ] || { rm -rf --one-file-system "$1/machines/$2" && echo removed; }
case $2 in */*) rmdir "$1/machines/${'$'}{2%/*}" 2>/dev/null ;; esac
exit 0
`;

/**
 * Makes a saved state of what a machine left. It holds the machine's memory: for its owner only. Whoever comes second
 * with the same state finds it there. States that nobody has started from for a month, and whose machines are gone, go.
 * $1 directory of states, $2 digest, $3 the machine's directory; stdin: state.json. `sum` is the SHA-256 of a tar archive of
 * both, `stamps` their sizes and times of change.
 */
export const sealScript = String.raw`set -eu
umask 077
building=$1/$2.$$
trap 'rm -rf --one-file-system "$building"' EXIT
mkdir "$building"
cat >"$building/state.json"
mv "$3/memory" "$3/disk.qcow2" "$building"
cd "$building"
# Past the holes, which are most of it.
tar -c -S --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -f - memory disk.qcow2 | sha256sum >sum
stat -c '%n %s %.9Y' memory disk.qcow2 >stamps
sync -f sum
mv -T "$building" "$1/$2" 2>/dev/null || [ -e "$1/$2/stamps" ]
find "$1" -mindepth 2 -maxdepth 2 -name state.json -mtime +30 | while read -r old; do
  old=${'$'}{old%/*}
  grep -qsF "${'$'}{old##*/}" "$1"/../machines/*/*/machine.json || rm -rf --one-file-system "$old"
done
`;

/** Whether a saved state is whole: by size and time of change. $1 its directory. Prints state.json. Exit 66: there is none. */
export const findScript = String.raw`cd -- "$1" 2>/dev/null && [ -e stamps ] || exit 66
stat -c '%n %s %.9Y' memory disk.qcow2 | cmp -s - stamps || exit 65
# Its time of change tells when it was used last.
touch state.json 2>/dev/null || true
cat state.json
`;
