import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import { guardImage, type GuardOptions } from '../../image/header/guard.js';
import { parseFragment } from '../../libvirt/xml/document.js';
import { attribute, find } from '../../libvirt/xml/element.js';
import type { KvmGuestOptions } from './fields.js';

interface GivenDisk {
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readOnly: boolean;
}

const givenDisks = ({ disks }: KvmGuestOptions): GivenDisk[] =>
  disks.flatMap((disk) => ('path' in disk ? [{ path: disk.path, format: disk.format, readOnly: disk.read_only }] : []));

/** The qcow2 disks of fragments that name no backing file themselves: QEMU would look for it in the header. */
const fragmentDisks = ({ xml }: KvmGuestOptions): string[] =>
  xml
    .filter(({ at }) => at === 'devices')
    .flatMap((fragment) => parseFragment(fragment.xml, "fragment at 'devices'"))
    .filter(
      (one) =>
        one.name === 'disk' &&
        attribute(find(one, 'driver'), 'type') === 'qcow2' &&
        find(one, 'backingStore') === undefined,
    )
    .flatMap((disk) => attribute(find(disk, 'source'), 'file') ?? []);

/** Looks into every disk that a guest is given by its path, before anything is made. Faults as of {@link guardImage}. */
export const guardDisks = async (
  host: Host,
  facts: HostFacts,
  options: KvmGuestOptions,
  signal: AbortSignal,
): Promise<void> => {
  // QEMU reads them with rights of its own, which may be more than the user's.
  const reading: GuardOptions = { signal, root: facts.user.sudo === true };
  for (const { path, format, readOnly } of givenDisks(options))
    await guardImage(host, path, { format, readOnly, boots: false }, reading);
  for (const path of fragmentDisks(options)) {
    const { exitCode } = await host.exec(['test', '-e', path], { ...reading, check: false });
    // Of a file that is not there libvirt tells in its own words, as of everything else in a fragment.
    if (exitCode === 0) await guardImage(host, path, { format: 'qcow2', readOnly: false, boots: false }, reading);
  }
};
