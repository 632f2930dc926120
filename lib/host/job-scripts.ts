import { reapFunctions } from './reap-script.js';
import { trustFunctions } from './trust-script.js';

/**
 * Sets `base`, the directory of all jobs, without a process. Not below XDG_RUNTIME_DIR: logind removes that with the
 * user's last session, and a job must outlive a lost connection.
 */
const findBase = String.raw`
umask 077
while read -r key real uid rest; do [ "$key" = Uid: ] && break; done </proc/self/status
if [ "$uid" = 0 ]; then base=/run/kvm4nfv; else base=/tmp/kvm4nfv-$uid; fi
`;

export const baseScript = `${findBase}\nprintf '%s' "$base"\n`;

/**
 * Holds `lock` for its life, so that a waiter sleeps in flock(2) and costs nothing. `$1` is the job's marker, the rest its
 * argv. The traps keep it alive when the job's end is asked for; in the tool they are the defaults again.
 */
export const superviseScript = String.raw`
exec 9>lock
flock -n 9 || exit 1
trap : HUP INT TERM
marker=$1
shift
started=$(date +%s%N)
env "$marker" setsid "$@" >stdout 2>stderr </dev/null 9>&- &
pid=$!
printf '%s\n' "$started" >started
printf '%s\n' "$pid" >pid.new
mv -f pid.new pid
while :; do
  wait "$pid"
  code=$?
  kill -0 "$pid" 2>/dev/null || break
done
ended=$(date +%s%N)
cpu=0
read -r cpu rest </proc/$$/schedstat
# The tool has this directory for its own, and may have left anything there.
rm -rf -- status status.new
printf '%s %s %s %s\n' "$code" "$started" "$ended" "$cpu" >status.new
mv -f status.new status
`;

/**
 * `$1` run, `$2` name, `$3` the supervisor's script, the rest the tool's argv. Prints the directory and the tool's pid, which the
 * supervisor hands over in a file: sudo may stand between with pipes or a terminal of its own, and what is said there after this
 * script has ended is lost.
 */
export const startScript = `${findBase}${trustFunctions}${String.raw`
run=$1
name=$2
supervise=$3
shift 3
trust "$base/$run" 700 || exit
directory=$base/$run/$name
mkdir -- "$directory" && cd -- "$directory" || exit 73
printf '%s\n' "$directory"
setsid sh -c "$supervise" kvm4nfv-job "KVM4NFV_JOB=$run/$name" "$@" </dev/null >/dev/null 2>supervisor &
supervisor=$!
while [ ! -e pid ]; do
  kill -0 "$supervisor" 2>/dev/null || [ -e pid ] || { cat supervisor >&2; exit 0; }
  sleep 0.005
done
cat pid
`}`;

/** `$1` run, `$2` name. Prints as {@link startScript} does; exit 66 where there is no such job. */
export const attachScript = `${findBase}${trustFunctions}${String.raw`
trust "$base/$1/$2" || exit
cd -- "$base/$1/$2" 2>/dev/null && [ -f pid ] || exit 66
printf '%s\n' "$base/$1/$2"
head -c 32 pid
`}`;

/** `$1` the job's directory. Sleeps until the supervisor is gone, then prints the status, or nothing where it left none. */
export const waitScript = String.raw`
cd -- "$1" && [ -f lock ] && exec 8<lock || exit 66
flock -s 8 || exit 71
[ ! -f status ] || head -c 256 status
`;

const jobFunctions = `${reapFunctions}${String.raw`
supervised() {
  [ -f "$1/lock" ] || return 1
  flock -n -s "$1/lock" true 2>/dev/null && return 1
  [ -f "$1/lock" ]
}
# cancel DIRECTORY MARKER GRACE: the group is the job's only while its supervisor lives; later its number may be another's.
cancel() {
  cancel_group=
  cancel_directory=$1
  if [ -f "$1/pid" ] && supervised "$1"; then cancel_group=$(head -c 32 "$1/pid" 2>/dev/null); fi
  # The tool may have written there: -1 are all processes.
  case $cancel_group in *[!0-9]* | 0* | 1) cancel_group= ;; esac
  reap "$2" "$cancel_group" "$3" still_supervised
}
still_supervised() { supervised "$cancel_directory"; }
`}`;

/** `$1` the job's directory, `$2` its marker. Prints `yes` while the supervisor or anything of the job lives. */
export const runningScript = `${jobFunctions}
if supervised "$1" || [ -n "$(marked "$2")" ]; then echo yes; fi
`;

/** `$1` the job's directory, `$2` its marker, `$3` grace in hundredths of a second, `$4` \`remove\` or nothing. */
export const cancelScript = `${jobFunctions}${trustFunctions}
trust "$1"; trusted=$?
# What another may have put there is not read: only the marker tells then.
if [ "$trusted" = 0 ]; then cancel "$1" "$2" "$3"; else cancel /dev/null "$2" "$3"; fi || exit
[ "$trusted" != 77 ] || exit 77
[ "$4" != remove ] || { remove "$1" && rmdir -- "\${1%/*}" 2>/dev/null; exit 0; }
`;

/** Prints \`run name yes|no\` for each job of this user. */
export const listScript = `${findBase}${jobFunctions}${trustFunctions}
trust "$base" 2>/dev/null || exit 0
for directory in "$base"/*/*/; do
  directory=\${directory%/}
  [ -e "$directory/lock" ] || continue
  name=\${directory##*/}
  run=\${directory%/*}
  run=\${run##*/}
  running=no
  if supervised "$directory" || [ -n "$(marked "KVM4NFV_JOB=$run/$name")" ]; then running=yes; fi
  printf '%s %s %s\\n' "$run" "$name" "$running"
done
`;

/**
 * \`$1\` what the markers of a run's commands begin with, \`$2\` seconds. Waits until none of these commands runs any more, nor
 * waits in a login shell or in sudo, where the marker is on the command line only; jobs and builds are ended by other ways.
 * Prints the processes that are left where that takes too long.
 */
export const settleScript = String.raw`
export LC_ALL=C
until=$(($(date +%s) + $2))
while :; do
  left=
  for file in $(grep -lszE -e "$1[0-9a-f]" /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null); do
    process=${'$'}{file%/*}
    grep -qszE '^KVM4NFV_(JOB|BUILD)=' "$process/environ" || grep -qszE '^kvm4nfv-job$|KVM4NFV_BUILD=' "$process/cmdline" ||
      [ ! -e "$process" ] || left="$left ${'$'}{process#/proc/}"
  done
  [ -n "$left" ] || exit 0
  [ "$(date +%s)" -lt "$until" ] || break
  sleep 0.05
done
ps -o pid=,args= -p $left | cut -c 1-120
exit 75
`;

/** \`$1\` run, \`$2\` grace in hundredths of a second. Ends all jobs of the run and removes its directory. */
export const removeRunScript = `${findBase}${jobFunctions}${trustFunctions}
trust "$base/$1" || { [ $? = 66 ] || exit 77; exit 0; }
for directory in "$base/$1"/*/; do
  directory=\${directory%/}
  [ -e "$directory" ] || continue
  cancel "$directory" "KVM4NFV_JOB=$1/\${directory##*/}" "$2" || exit
done
remove "$base/$1"
`;
