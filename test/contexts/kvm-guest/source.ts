import type { GuestSource } from '../../../lib/contexts/kvm-guest/source.js';

/** What a guest starts from, where none is started. */
export const source: GuestSource = {
  checksum: 'digest',
  content: 'disk.raw 1\ninitrd 2\nvmlinuz 3',
  disk: '/images/digest/disk.raw',
  format: 'raw',
  boot: { kernel: '/images/digest/vmlinuz', initrd: '/images/digest/initrd', cmdline: 'quiet' },
  user: 'root',
  seedSerial: 'first-boot',
  finished: ['true'],
  restorable: true,
  writeSeed: () => Promise.resolve(),
};
