/**
 * `take PATH LIMIT CUT WITHIN` finds the regular file that a path names, without opening anything else: a FIFO would never answer, and a
 * device never end. Sets `file` and its `size`; or `reason`, where it is not to be taken.
 */
const take = String.raw`
export LC_ALL=C
take() {
  file=$1
  reason=
  if [ -n "$4" ]; then
    home=$(readlink -f -- "$4")
    file=$(readlink -f -- "$1")
    # A path that can't be followed is its own answer.
    case $file in '') file=$1 ;; "$home"/*) ;; *) reason="it is a link that leads out of $4"; return 1 ;; esac
  fi
  if [ ! -f "$file" ]; then
    if [ -e "$file" ]; then reason="it is a $(stat -L -c %F -- "$file") and no regular file"
    elif [ -L "$file" ]; then reason='it is a link that leads nowhere'
    else
      reason=$(head -c 0 -- "$file" 2>&1)
      reason=${'$'}{reason##*: }
    fi
    return 1
  fi
  size=$(stat -L -c %s -- "$file") || { reason='its size is not told'; return 1; }
  if [ -z "$3" ] && [ "$size" -gt "$2" ]; then
    reason="it has $size bytes, which is more than the $2 that are taken"
    return 1
  fi
}
# first LIMIT, last LIMIT: the halves of what is kept of a larger file.
first() { head -c "$(($1 / 2))" -- "$file"; }
last() { tail -c "$(($1 / 2))" -- "$file" | head -c "$(($1 / 2))"; }
`;

/**
 * `$1` path, `$2` limit, `$3` \`cut\` or nothing, `$4` directory or nothing. Prints the file; a byte more than the limit where it grew
 * meanwhile, or where it has no size as in /proc.
 */
export const readScript = `${take}${String.raw`
take "$1" "$2" "$3" "$4" || { printf '%s' "$reason" >&2; exit 65; }
[ "$size" -gt "$2" ] || exec head -c "$(($2 + 1))" -- "$file"
first "$2" && printf '\n[%s bytes left out]\n' "$((size - $2 / 2 * 2))" && last "$2"
`}`;

/**
 * `$1` limit, `$2` \`cut\` or nothing, `$3` directory or nothing, the rest files. Prints a line for each, its size or `-` and why it is not
 * taken; where all are, then their bytes, of a larger one those of its halves.
 */
export const joinScript = `${take}${String.raw`
limit=$1
cut=$2
within=$3
shift 3
sizes=
count=$#
for path do
  if take "$path" "$limit" "$cut" "$within"; then
    printf '%s\n' "$size"
    sizes="$sizes $size"
    set -- "$@" "$file"
  else
    printf -- '-%s\n' "$reason"
    count=0
  fi
done
[ "$count" -gt 0 ] || exit 0
shift "$count"
for told in $sizes; do
  file=$1
  shift
  if [ "$told" -le "$limit" ]; then head -c "$told" -- "$file"; else first "$limit" && last "$limit"; fi || exit 1
done
`}`;
