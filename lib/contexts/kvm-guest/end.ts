import type { Host } from '../../host/host.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import type { GuestIdentity } from './domain.js';
import { endQemu, killQemu } from './qemu-process.js';

/** There is a way without libvirt: no need to wait long for one that is away. */
const libvirtWithin = 20_000;

/**
 * Ends a guest: by its process, then by libvirt, and where that is away, by its process once more. A domain that does not
 * carry its run's mark is never touched.
 * @param forgotten nothing of it is left once its QEMU is gone: libvirtd, which may take seconds to see to that, is not
 * waited for.
 */
export const endGuest = async (
  host: Host,
  hypervisor: Hypervisor,
  { run, name, directory }: GuestIdentity,
  { forgotten = false }: { readonly forgotten?: boolean } = {},
): Promise<void> => {
  try {
    await killQemu(host, directory);
    const ours = forgotten ? [] : await hypervisor.ours(run, { timeout: libvirtWithin });
    if (ours.some((domain) => domain.name === name)) await hypervisor.destroy(name, { timeout: libvirtWithin });
  } catch {
    // What counts is that its process is gone.
  }
  await endQemu(host, directory);
};
