import type { Host } from '../../host/host.js';
import { trustFunctions } from '../../host/trust-script.js';
import { endBuilds } from '../../image/build.js';
import { openHypervisor } from '../../libvirt/open.js';
import { runDirectory } from './domain.js';
import { endQemu } from './qemu-process.js';
import { giveBack } from './resources.js';

const socketsScript = `
for socket in /run/libvirt/virtqemud-sock /run/libvirt/libvirt-sock "$@"; do [ -S "$socket" ] && printf '%s\\n' "$socket"; done
exit 0
`;

/** libvirt URIs of a host that a run may have used: the system's, and that of the run's own daemon. */
const uris = async (host: Host, run: string): Promise<string[]> => {
  const own = `/run/kvm4nfv/${run}/libvirtd/run/libvirt/libvirt-sock`;
  const { stdout } = await host.exec(['sh', '-c', socketsScript, 'sh', own]);
  return stdout
    .split('\n')
    .filter((socket) => socket !== '')
    .map((socket) => (socket === own ? `qemu+unix:///system?socket=${own}` : 'qemu:///system'));
};

const destroyOurs = async (host: Host, uri: string, run: string, signal: AbortSignal): Promise<string[]> => {
  await using hypervisor = await openHypervisor(host, uri, { implementation: 'virsh' });
  const lines: string[] = [];
  for (const { name } of await hypervisor.ours(run, { signal })) {
    await hypervisor.destroy(name, { signal });
    lines.push(`destroyed domain ${name}`);
  }
  return lines;
};

// Leftovers of image builds are nobody's once nobody holds the lock beside them.
const filesScript = `${trustFunctions}
run=$1; shift; status=0
sweep() {
  [ -d "$1" ] || [ -L "$1" ] || return 0
  remove "$1" && printf 'removed %s\\n' "$1" || status=77
}
if [ "$(id -u)" = 0 ]; then caches=/var/cache/kvm4nfv; else caches=\${XDG_CACHE_HOME:-$HOME/.cache}/kvm4nfv; fi
for directory; do
  sweep "$directory"
  rmdir "\${directory%/*}" 2>/dev/null
done
for half in "$caches/states/"*".$run."*.making; do sweep "$half"; done
for half in "$caches/images/"*.building; do
  [ -d "$half" ] || continue
  trust "$half" || { status=77; continue; }
  ( flock -n 9 || exit 0; sweep "$half"; exit "$status" ) 9>>"\${half%.building}.lock" || status=$?
done
exit "$status"
`;

/** Removes the guests of a run from a host: domains, processes, files, leases. Known by the run's id; safe to repeat. */
export const sweepGuests = async (host: Host, run: string, signal: AbortSignal): Promise<readonly string[]> => {
  const destroyed: string[] = [];
  for (const uri of await uris(host, run))
    destroyed.push(...(await destroyOurs(host, uri, run, signal).catch(() => [])));
  const uid = Number((await host.exec(['id', '-u'], { signal })).stdout);
  // Earlier versions had one directory for the runs of all users.
  const directories = [...new Set([runDirectory(run, uid), runDirectory(run)])];
  const ended: string[] = [];
  for (const directory of directories) ended.push(...(await endQemu(host, directory)));
  await endBuilds(host, run, { signal });
  const { stdout } = await host.exec(['sh', '-c', filesScript, 'sh', run, ...directories], {
    signal,
    timeout: 60_000,
  });
  const leases = await giveBack(host, run);
  return [
    ...destroyed,
    ...ended,
    ...stdout.split('\n').filter((line) => line !== ''),
    ...leases.map((name) => `gave back ${name}`),
  ];
};
