import * as z from 'zod';
import { imageManifestSchema } from './manifest.js';

const file = z.strictObject({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Bytes, holes of a sparse file included. */
  size: z.int(),
  /** Seconds since the epoch with nanoseconds, as stat(1) prints it: with the size, a cheap sign of change. */
  modified: z.string(),
});

/** `image.json` beside the files of an image. */
export const builtImageSchema = z.strictObject({
  schemaVersion: z.literal(1),
  digest: z.string(),
  manifest: imageManifestSchema,
  /** How mmdebstrap got its root privileges. */
  mode: z.enum(['root', 'unshare']),
  /** Release of the guest's kernel. */
  release: z.string(),
  /** Kernel command line; boot tunings of a run are added to it. */
  cmdline: z.string(),
  /** Version of each installed package. */
  packages: z.record(z.string(), z.string()),
  /** `disk`, `kernel` and `initrd` by the names that they have in the image's directory. */
  files: z.record(z.string(), file),
});

/** An image in the cache of a host. Paths are of that host. */
export interface BuiltImage extends z.output<typeof builtImageSchema> {
  readonly directory: string;
  readonly disk: string;
  readonly format: 'raw' | 'qcow2';
  /** What QEMU starts directly: unpacked where the kernel's packing is slow to undo, else the bzImage. */
  readonly kernel: string;
  /** The bzImage, for firmware that starts nothing else (UEFI). */
  readonly bzImage: string;
  readonly initrd: string;
}

/** The image whose `image.json` is in that directory. */
export const locate = (directory: string, record: z.output<typeof builtImageSchema>): BuiltImage => ({
  ...record,
  directory,
  disk: `${directory}/disk.${record.manifest.format}`,
  format: record.manifest.format,
  kernel: `${directory}/${record.files['vmlinux'] === undefined ? 'vmlinuz' : 'vmlinux'}`,
  bzImage: `${directory}/vmlinuz`,
  initrd: `${directory}/initrd`,
});
