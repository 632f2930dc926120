import { trustFunctions } from '../host/trust-script.js';

/**
 * The one shell script that tuning runs on a host: journal, then change, then read, in a single round trip.
 * A constant text; what to do comes line by line on standard input. Arguments: a token that frames the answer, the
 * journal file (or `-`), and by what name all batches of the run are known. Needs a POSIX shell and the core utilities, with GNU grep.
 *
 * Lines of input, words parted by single spaces, texts escaped for `printf %b`:
 * `j TEXT` a line for the journal, refused where the run has not the lease · `s` the journal reaches the disk ·
 * `q` batches of the same run that a dead controller left running are ended (their command lines name it
 * and another token), and the commands that these had started (they have both in their environment) are waited for:
 * one that is cut off half way, such as update-grub, would leave more behind than one that is undone
 * `w N PATH TEXT` kernel file · `d N PATH TEXT` file on disk, atomically · `r N PATH` remove a file ·
 * `k N PATH` / `K N PATH` make / remove a directory · `x N ARGV...` run ·
 * `n GLOB` names of files · `t GLOB` files' exact bytes · `l PATH` where a link leads · `c N ARGV...` a command's output ·
 * `g GLOB` read kernel files; after the first of these only more of them: a big host has tens of thousands of such files,
 * so their paths go to grep by xargs (no list of arguments holds them), and the number of them stands in the last line.
 */
export const batchScript = `${trustFunctions}
set -f
LC_ALL=C; export LC_ALL
token=$1; journal=$2; batches_of=\${3:-$2}; count=0; leased=
KVM4NFV_TOKEN=$token; KVM4NFV_JOURNAL=$batches_of; export KVM4NFV_TOKEN KVM4NFV_JOURNAL
done_with() { printf '\\n%s r %s %s\\n%s' "$token" "$1" "$2" "$3"; }
if [ "$journal" != - ]; then
  # What a journal says is done as root: nobody else may have written it.
  set --; [ ! -e "\${journal%/journal/*}/lease" ] || set -- 700
  trust "\${journal%/*}" "$@"
  case $? in 0 | 66) ;; 77) exit 77 ;; *) exit 90 ;; esac
fi
while IFS=' ' read -r verb rest; do
  case $verb in
  q)
    tries=0; deadline=$(($(date +%s) + 130))
    while
      batches=; commands=
      for path in $(set +f; grep -alzFx -e "$batches_of" /proc/[0-9]*/cmdline 2>/dev/null); do
        grep -aqzFx -e "$token" "$path" 2>/dev/null || ! grep -aqzFx kvm4nfv-batch "$path" 2>/dev/null || batches="$batches \${path%/cmdline}"
      done
      for path in $(set +f; grep -alzFx -e "KVM4NFV_JOURNAL=$batches_of" /proc/[0-9]*/environ 2>/dev/null); do
        # 1: it has another token; 2: it is gone by now, as the grep above is, which finds itself.
        grep -aqzFx -e "KVM4NFV_TOKEN=$token" "$path" 2>/dev/null; [ $? != 1 ] || commands="$commands $path"
      done
      [ -n "$batches$commands" ]
    do
      signal=TERM; [ "$tries" -lt 20 ] || signal=KILL
      for other in $batches; do kill -"$signal" "\${other#/proc/}" 2>/dev/null; done
      tries=$((tries + 1)); [ "$(date +%s)" -lt "$deadline" ] || exit 91
      sleep 0.05
    done ;;
  j)
    if [ -z "$leased" ]; then
      run=\${journal##*/}; run=\${run%.ndjson}; run=\${run%%@*}; lease=\${journal%/journal/*}/lease
      grep -qF -e "\\"run\\":\\"$run\\"" "$lease" 2>/dev/null || exit 93
      leased=yes
    fi
    # The shell's own printf calls each error an I/O error; cat knows its name.
    { printf '%b\\n' "$rest" >> "$journal"; } 2>/dev/null || {
      printf '%b\\n' "$rest" | cat > "$journal.probe"; rm -f "$journal.probe"; exit 90
    } ;;
  s) { sync "$journal" && sync "\${journal%/*}"; } 2>/dev/null || sync || exit 90 ;;
  w)
    number=\${rest%% *}; rest=\${rest#* }; path=\${rest%% *}; text=\${rest#* }
    if [ ! -e "$path" ]; then done_with "$number" 2 'no such file'
    elif { printf '%b' "$text" > "$path"; } 2>/dev/null; then done_with "$number" 0 ''
    else
      said=$({ printf '%b' "$text" | cat > "$path"; } 2>&1); status=$?
      done_with "$number" "$status" "$said"
    fi ;;
  d)
    number=\${rest%% *}; rest=\${rest#* }; path=\${rest%% *}; text=\${rest#* }
    said=$({
      printf '%b' "$text" > "$path.kvm4nfv" &&
      if [ -e "$path" ]; then chown --reference="$path" "$path.kvm4nfv" && chmod --reference="$path" "$path.kvm4nfv"
      else chmod 644 "$path.kvm4nfv"; fi &&
      { sync "$path.kvm4nfv" || sync; } && mv -f "$path.kvm4nfv" "$path" && { sync "\${path%/*}" || sync; }
    } 2>&1); done_with "$number" "$?" "$said" ;;
  r)
    number=\${rest%% *}; path=\${rest#* }
    said=$({ rm -f "$path" "$path.kvm4nfv" && { sync "\${path%/*}" || sync; }; } 2>&1); done_with "$number" "$?" "$said" ;;
  k) number=\${rest%% *}; said=$(mkdir "\${rest#* }" 2>&1); done_with "$number" "$?" "$said" ;;
  K) number=\${rest%% *}; said=$(rmdir "\${rest#* }" 2>&1); done_with "$number" "$?" "$said" ;;
  x)
    number=\${rest%% *}; set --
    for word in \${rest#* }; do
      case $word in *\\\\*) word=$(printf '%b.' "$word"); word=\${word%.} ;; esac
      set -- "$@" "$word"
    done
    said=$(timeout 120 "$@" 2>&1 < /dev/null); done_with "$number" "$?" "$said" ;;
  g)
    files=$(
      set +f
      while
        for path in $rest; do [ ! -f "$path" ] || [ ! -r "$path" ] || printf '%s\\n' "$path"; done
        IFS=' ' read -r verb rest
      do [ "$verb" = g ] || exit 92; done
    ) || exit 92
    files=$(printf '%s\\n' "$files" | sort -u) || exit 94
    set -- $files; count=$#
    [ "$count" = 0 ] || printf '%s\\0' "$@" | xargs -0 sh -c '
      printf "\\n$0 f %s" "$@"; printf "\\n$0 F\\n"; grep -HaZ "" /dev/null "$@" 2>/dev/null; :' "$token" || exit 94 ;;
  n)
    set +f; for path in $rest; do [ ! -e "$path" ] || printf '\\n%s n %s' "$token" "$path"; done; set -f ;;
  t)
    set +f; for path in $rest; do [ ! -f "$path" ] || { printf '\\n%s t %s\\n' "$token" "$path"; cat "$path"; }; done; set -f ;;
  l) [ ! -h "$rest" ] || { printf '\\n%s l %s\\n' "$token" "$rest"; readlink "$rest"; } ;;
  c)
    number=\${rest%% *}; set --
    for word in \${rest#* }; do
      case $word in *\\\\*) word=$(printf '%b.' "$word"); word=\${word%.} ;; esac
      set -- "$@" "$word"
    done
    printf '\\n%s c %s\\n' "$token" "$number"
    timeout 60 "$@" 2>/dev/null < /dev/null; printf '\\n%s e %s %s' "$token" "$number" "$?" ;;
  *) exit 92 ;;
  esac
done
printf '\\n%s z %s\\n' "$token" "$count"
`;
