/**
 * Shell functions that end every process which carries a marker in its environment, and a process group with it, so
 * that children which made a session of their own are found too. GNU grep reads all environments in one process.
 */
export const reapFunctions = String.raw`
export LC_ALL=C
marked() {
  for file in $(grep -lszxF -e "$1" /proc/[0-9]*/environ 2>/dev/null); do
    file=${'$'}{file#/proc/}
    printf '%s ' "${'$'}{file%/environ}"
  done
}
# reap MARKER GROUP GRACE_IN_HUNDREDTHS ALIVE: ALIVE is a command that tells whether something else is waited for.
# TERM once, since many tools take a second one for "at once"; then KILL until nothing is left.
reap() {
  reap_round=0
  reap_killed=0
  while :; do
    reap_found=$(marked "$1")
    reap_group=
    if [ -n "$2" ] && kill -s 0 -- "-$2" 2>/dev/null; then reap_group=-$2; fi
    # A group that outlives KILL is one of zombies.
    if [ -z "$reap_found" ] && ! $4 && { [ -z "$reap_group" ] || [ "$reap_killed" -gt 0 ]; }; then return 0; fi
    if [ "$reap_round" -ge "$3" ]; then
      kill -s KILL -- $reap_group $reap_found 2>/dev/null
      reap_killed=$((reap_killed + 1))
      if [ "$reap_killed" -gt 400 ]; then printf '%s\n' "$reap_found" >&2; return 75; fi
    elif [ "$reap_round" = 0 ]; then
      kill -s TERM -- $reap_group $reap_found 2>/dev/null
    fi
    sleep 0.02
    reap_round=$((reap_round + 2))
  done
}
`;

/** Ends what a command left: `$1` marker, `$2` its process group or nothing, `$3` hundredths of a second between TERM and KILL. */
export const reapScript = `${reapFunctions}\nreap "$1" "$2" "$3" false\n`;
