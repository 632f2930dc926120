import * as z from 'zod';
import { mac, path, pciAddress, port, text, toggle } from './fields.js';

const virtio = { iommu: toggle.default(false), packed: toggle.optional() };
const nic = {
  mac: mac.optional(),
  queues: z.int().min(1).max(256).default(1),
  rxQueueSize: z.literal([256, 512, 1024]).optional(),
  txQueueSize: z.literal([256, 512, 1024]).optional(),
  ...virtio,
};
const forward = z.strictObject({
  address: z.union([z.ipv4(), z.ipv6()]).default('127.0.0.1'),
  hostPort: port,
  guestPort: port,
});

const userInterface = z.strictObject({
  type: z.literal('user'),
  /** `qemu`: built into QEMU, added to its command line. `passt`: a process of its own; libvirt 9.0 and later. */
  backend: z.enum(['qemu', 'passt']).default('qemu'),
  mac: mac.optional(),
  /** TCP ports of the host that lead into the guest. */
  forwards: z.array(forward).readonly().default([]),
  /** PCI slot on the root bus: libvirt must not know of it, so it stays away from those that it uses. Backend `qemu` only. */
  slot: z.int().min(2).max(30).default(30),
  ...virtio,
});
const networkInterface = z.strictObject({ type: z.literal('network'), network: text, ...nic });
const bridgeInterface = z.strictObject({
  type: z.literal('bridge'),
  bridge: z.string().regex(/^[\w.-]{1,15}$/),
  vhost: toggle.default(true),
  ...nic,
});
const vhostUserInterface = z.strictObject({
  type: z.literal('vhost-user'),
  path,
  mode: z.enum(['client', 'server']),
  ...nic,
});
/** A PCI function, most often a VF, given to the guest; MAC and VLAN are set through its PF. */
const hostdevInterface = z.strictObject({
  type: z.literal('hostdev'),
  address: pciAddress,
  mac: mac.optional(),
  vlan: z.int().min(0).max(4095).optional(),
  managed: toggle.default(true),
});

export const interfaceSpec = z.discriminatedUnion('type', [
  userInterface,
  networkInterface,
  bridgeInterface,
  vhostUserInterface,
  hostdevInterface,
]);

export const diskSpec = z.strictObject({
  path,
  format: z.enum(['qcow2', 'raw']),
  device: z.enum(['disk', 'cdrom']).default('disk'),
  /** Default: `virtio`, for a cdrom `sata`. */
  bus: z.enum(['virtio', 'sata', 'scsi']).optional(),
  readOnly: toggle.default(false),
  /** What an overlay stands on; `none`: on nothing, whatever its header says. Default: what its header says. */
  backing: z.union([z.literal('none'), z.strictObject({ path, format: z.enum(['qcow2', 'raw']) })]).optional(),
  cache: z.enum(['none', 'writeback', 'writethrough', 'directsync', 'unsafe']).optional(),
  io: z.enum(['threads', 'native', 'io_uring']).optional(),
  discard: z.enum(['unmap', 'ignore']).optional(),
  queues: z.int().min(1).optional(),
  /** Number of the IOThread that serves it. */
  iothread: z.int().min(1).optional(),
  serial: z
    .string()
    .regex(/^[\w.-]{1,20}$/)
    .optional(),
  bootOrder: z.int().min(1).optional(),
  iommu: toggle.default(false),
});

export const hostdevSpec = z.strictObject({ address: pciAddress, managed: toggle.default(true) });

export const iommuSpec = z.strictObject({
  model: z.enum(['intel']),
  interruptRemapping: toggle.default(true),
  /** Needed where the guest hands assigned devices on; slow. */
  cachingMode: toggle.default(false),
  iotlb: toggle.default(false),
  addressWidth: z.literal([39, 48]).optional(),
});

export type InterfaceSpec = z.output<typeof interfaceSpec>;
export type UserInterfaceSpec = z.output<typeof userInterface>;
export type DiskSpec = z.output<typeof diskSpec>;
export type IommuSpec = z.output<typeof iommuSpec>;
