import type { Host } from '../../host/host.js';
import { buildImage } from '../../image/build.js';
import { firstBootDisk, firstBootSerial, type FirstBootData } from '../../image/first-boot.js';
import { builtInManifest, type ImageManifest } from '../../image/manifest.js';
import { useImage } from '../../image/own-image.js';
import { seedDisk } from '../../image/seed.js';
import type { KvmGuestOptions } from './fields.js';

/** What a guest starts from, and how it is told who it is. */
export interface GuestSource {
  /** Names the image: the digest of what it was built from, or the checksum of the file. */
  readonly checksum: string;
  /** Names the very bytes: two guests with the same one start from the same disk, kernel and initrd. */
  readonly content: string;
  readonly disk: string;
  readonly format: 'raw' | 'qcow2';
  /** Kernel and initrd for a direct start; undefined where the image boots by its own loader. */
  readonly boot: { readonly kernel: string; readonly initrd: string; readonly cmdline: string } | undefined;
  readonly user: string;
  /** Serial number of the disk with the guest's data; undefined where it is found by its label. */
  readonly seedSerial: string | undefined;
  /** Returns when the guest has finished booting. */
  readonly finished: readonly string[];
  /** The guest can take over new data after it was restored from a saved state. */
  readonly restorable: boolean;
  writeSeed(data: FirstBootData, path: string): Promise<void>;
}

interface SourceOptions {
  readonly signal: AbortSignal;
  readonly progress: (stage: string) => void;
  /** Run that an image is built for. */
  readonly run: string;
}

/** From an image that is built on the host where it is not there yet. */
const builtSource = async (
  host: Host,
  manifest: ImageManifest,
  { cmdline }: KvmGuestOptions,
  options: SourceOptions,
): Promise<GuestSource> => {
  const built = await buildImage(host, manifest, options);
  return {
    checksum: built.digest,
    content: Object.entries(built.files)
      .map(([name, { sha256 }]) => `${name} ${sha256}`)
      .sort()
      .join('\n'),
    disk: built.disk,
    format: built.format,
    boot: {
      kernel: built.kernel,
      initrd: built.initrd,
      cmdline: [built.cmdline, cmdline].filter((part) => part !== '').join(' '),
    },
    user: 'root',
    seedSerial: firstBootSerial,
    finished: ['systemctl', 'is-system-running', '--wait'],
    restorable: true,
    writeSeed: (data, path) => firstBootDisk(host, data, path),
  };
};

/** The image that the options name, built or checked on the host. */
export const guestSource = async (
  host: Host,
  options: KvmGuestOptions,
  source: SourceOptions,
): Promise<GuestSource> => {
  const { image } = options;
  if (typeof image === 'string') return builtSource(host, builtInManifest(image), options, source);
  if (!('file' in image)) return builtSource(host, image, options, source);
  source.progress('checking the image');
  const { file, user, ...rest } = image;
  const { sha256, sha512, format } = rest;
  const own = await useImage(
    host,
    {
      path: file,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(sha512 === undefined ? {} : { sha512 }),
      ...(format === undefined ? {} : { format }),
    },
    { signal: source.signal },
  );
  return {
    checksum: own.checksum,
    content: own.checksum,
    disk: own.disk,
    format: own.format,
    boot: undefined,
    user,
    seedSerial: undefined,
    finished: ['cloud-init', 'status', '--wait'],
    restorable: false,
    writeSeed: (data, path) => seedDisk(host, data, user, path),
  };
};
