/** Exit status of {@link trustFunctions} where a directory is not to be trusted. */
export const untrustedStatus = 77;

/**
 * What every script calls that makes, reads or removes something in a directory of ours on a host.
 *
 * `trust DIRECTORY [MODE]`: whether nobody but this user and root can put anything in the place of DIRECTORY, or into it. Each
 * directory from / down belongs to one of these two and can't be written to by others, but for sticky ones such as /tmp: what
 * is in these must be a directory of ours. Links count only where nobody else can make one, and never as DIRECTORY itself. From
 * / down is what makes it safe against changes meanwhile: none is possible below what was found in order. With MODE what
 * is not there is made, a directory at a time, never through a link and never what somebody else made in between; the mode of what earlier
 * versions shared with everybody (sticky, ours) is set. Status 66: it is not there; 77, and says why: not to be trusted; 73: it can't be made.
 *
 * `remove DIRECTORY`: removes a directory of ours that can be trusted. Status 77 where it can't: nothing is removed then.
 */
export const trustFunctions = String.raw`
refuse() { printf '%s, so it is not trusted\n' "$1" >&2; exit 77; }
trust() (
  wanted=$1; mode=${'$'}{2-}; through=${'$'}{3-}; round=0
  set -f
  while :; do
    IFS=/
    set -- ${'$'}{wanted#/}
    IFS=' '
    at=
    for name; do
      shift
      [ -n "$name" ] || continue
      at=$at/$name
      set -- "$@" "$at"
    done
    wanted=$at
    said=$(stat -c '%f %u %g %n' -- /proc/self/ / "$@" 2>/dev/null) || :
    shared=
    {
      read -r bits me mine at
      read -r bits top group at
      for at; do
        read -r bits owner group found && [ "$found" = "$at" ] || break
        shift
        bits=$((0x$bits))
        case $((bits >> 12)) in
        4) ;;
        10)
          { [ "$at" != "$wanted" ] || [ -n "$through" ]; } && [ -z "$shared" ] || refuse "$at is a link"
          ( trust "$(readlink -f -- "$at")" '' through ) || exit
          [ ! -k "$at" ] || shared=yes
          continue ;;
        *) refuse "$at is no directory" ;;
        esac
        case " 0 $top $me " in *" $owner "*) ;; *) refuse "$at belongs to user $owner" ;; esac
        [ "$at" != "$wanted" ] || [ -n "$through" ] || [ "$owner" = "$me" ] || refuse "$at belongs to user $owner"
        shared=
        [ $((bits & 2)) != 0 ] || { [ $((bits & 16)) != 0 ] && [ "$group" != 0 ] && [ "$group" != "$mine" ]; } || continue
        if [ $((bits & 512)) = 0 ]; then refuse "others can write to $at"
        elif [ "$at" != "$wanted" ] || [ -n "$through" ]; then shared=yes
        else chmod -- "${'$'}{mode:-700}" "$at" || exit 73
        fi
      done
    } <<EOF
$said
EOF
    [ $# != 0 ] || exit 0
    [ -n "$mode" ] || exit 66
    failed=
    for at; do failed=$(mkdir -m "$mode" -- "$at" 2>&1) || break; done
    [ -n "$failed" ] || exit 0
    # Another process of ours made it, or took the one above away, in the same moment.
    round=$((round + 1))
    [ "$round" -lt 50 ] || { printf '%s\n' "$failed" >&2; exit 73; }
  done
)
remove() {
  trust "$1"
  case $? in
  0) rm -rf --one-file-system -- "$1" ;;
  66) ;;
  *) return 77 ;;
  esac
}
`;
