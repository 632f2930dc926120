import type { Host } from '../../host/host.js';
import { emptyDisk } from './domain-parts.js';
import type { KvmGuestOptions } from './fields.js';

/** Makes the empty disks of a guest in its directory; their files are sparse. */
export const makeDisks = async (
  host: Host,
  { disks }: KvmGuestOptions,
  directory: string,
  signal: AbortSignal,
): Promise<void> => {
  for (const [index, disk] of disks.entries())
    if ('size' in disk)
      await host.exec(['truncate', '-s', String(disk.size), '--', emptyDisk(directory, index)], { signal });
};
