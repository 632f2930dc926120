import type { Host } from '../../host/host.js';
import { openHypervisor } from '../../libvirt/open.js';
import { runDirectory } from './domain.js';
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

// A QEMU that outlived its libvirtd is known by the run's directory on its command line.
const endScript = `
marker=$1
for signal in TERM KILL; do
  found=
  for process in /proc/[0-9]*; do
    pid=\${process#/proc/}
    [ "$pid" = $$ ] && continue
    tr '\\0' '\\n' <"$process/cmdline" 2>/dev/null | head -n 1 | grep -q 'qemu' || continue
    grep -qaF "$marker/" "$process/cmdline" 2>/dev/null || continue
    found=1; kill -$signal "$pid" 2>/dev/null && [ $signal = TERM ] && printf 'ended QEMU %s\\n' "$pid"
  done
  [ -z "$found" ] && break
  sleep 1
done
[ ! -d "$marker" ] || { rm -rf --one-file-system -- "$marker" && printf 'removed %s\\n' "$marker"; }
rmdir "\${marker%/*}" 2>/dev/null
exit 0
`;

/** Removes the guests of a run from a host: domains, processes, files, leases. Known by the run's id; safe to repeat. */
export const sweepGuests = async (host: Host, run: string, signal: AbortSignal): Promise<readonly string[]> => {
  const destroyed: string[] = [];
  for (const uri of await uris(host, run)) destroyed.push(...(await destroyOurs(host, uri, run, signal).catch(() => [])));
  const { stdout } = await host.exec(['sh', '-c', endScript, 'sh', runDirectory(run)], { signal, timeout: 60_000 });
  const leases = await giveBack(host, run);
  return [...destroyed, ...stdout.split('\n').filter((line) => line !== ''), ...leases.map((name) => `gave back ${name}`)];
};
