import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';

// A QEMU is known by the files on its command line. `[/]` keeps the pattern, and $1 without its slash this shell, from
// being found as well.
const find = `
found() {
  for file in $(grep -lse "[/]$1/" /proc/[0-9]*/cmdline); do
    pid=\${file#/proc/}; pid=\${pid%/cmdline}
    read -r name <"/proc/$pid/comm" 2>/dev/null && case $name in qemu*) echo "$pid" ;; esac
  done
}
`;

// Also says whether the console tells of a panic: $2.
const stateScript = `${find}
[ -z "$(found "$1")" ] || echo running
tail -c 16384 -- "$2" 2>/dev/null | grep -aqF 'Kernel panic - not syncing' && echo panicked
exit 0
`;

const endScript = `${find}
round=0
while pids=$(found "$1"); [ -n "$pids" ]; do
  case $round in 0) kill $pids; printf 'ended QEMU %s\\n' $pids ;; 10) kill -KILL $pids ;; 100) exit 75 ;; esac
  round=$((round + 1))
  sleep 0.2
done 2>/dev/null
exit 0
`;

// A few tries only: where it is another user's, it is libvirt's to end.
const killScript = `${find}
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  pids=$(found "$1"); [ -n "$pids" ] || exit 0
  kill -KILL $pids 2>/dev/null || exit 0
  sleep 0.05
done
exit 0
`;

const marker = (directory: string): string => directory.replace(/^\//, '');

/** Why a guest whose files are in `directory` will not come back; undefined where its QEMU runs and its kernel did not panic. */
export const whyGone = async (
  host: Host,
  directory: string,
  console: string,
  options: { readonly signal?: AbortSignal } = {},
): Promise<string | undefined> => {
  const argv = ['sh', '-c', stateScript, 'sh', marker(directory), console];
  const { stdout } = await host.exec(argv, { ...options, timeout: 30_000 });
  if (stdout.includes('panicked')) return 'its kernel panicked';
  return stdout.includes('running') ? undefined : 'its QEMU has ended';
};

/**
 * Kills QEMU outright where this user may: libvirt's own way is to ask it first, and to look whether it has gone every 200 ms.
 * For guests whose disk is thrown away.
 */
export const killQemu = async (host: Host, directory: string): Promise<void> => {
  await host.exec(['sh', '-c', killScript, 'sh', marker(directory)], { timeout: 30_000 });
};

/** Ends every QEMU that has files in `directory`, where libvirt can't be asked to; says which. */
export const endQemu = async (host: Host, directory: string): Promise<readonly string[]> => {
  const { exitCode, stdout } = await host.exec(['sh', '-c', endScript, 'sh', marker(directory)], {
    timeout: 60_000,
    check: false,
  });
  if (exitCode !== 0)
    throw new Kvm4nfvError('E_GUEST_END', `${host.name}: a QEMU of ${directory} can't be ended: ${stdout.trim()}`);
  return stdout.split('\n').filter((line) => line !== '');
};
