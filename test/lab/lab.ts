import { statfs } from 'node:fs/promises';
import { Kvm4nfvError } from '../../lib/error.js';
import type { Host } from '../../lib/host/host.js';
import { sourcesFor } from '../../lib/image/apt-sources.js';
import { buildImage, buildMode } from '../../lib/image/build.js';
import { cacheDirectory, findImage } from '../../lib/image/cache.js';
import { manifestDigest, type ImageManifest } from '../../lib/image/manifest.js';
import type { Definition } from '../../lib/lab/definition.js';
import { hostManifest } from '../../lib/lab/host-image.js';
import { virtualHostSchema, type VirtualHostInput } from '../../lib/lab/options.js';
import { labDirectory } from '../../lib/lab/places.js';
import { findQemuTree, qemuTree } from '../../lib/lab/tree.js';
import '../support/slow.js';

const GiB = 2 ** 30;
/** What two emulated hosts at once touch of their memory, and what QEMU needs to translate for them. */
const memoryNeeded = 4 * GiB;
const diskNeeded = { cached: 2 * GiB, fresh: 10 * GiB };

const downloadScript = `directory=$(mktemp -d) || exit
trap 'rm -rf "$directory"' EXIT
/usr/lib/apt/apt-helper download-file "$1" "$directory/InRelease" 2>&1`;

/** Why tree and image, which are not in the caches, can't be built; undefined where they can. */
const noBuild = async (host: Host, manifest: ImageManifest): Promise<string | undefined> => {
  try {
    await buildMode(host, manifest);
    const targets = await host.exec(['apt-get', 'indextargets', '--no-release-info']);
    const archive = /^deb \[[^\]]*\] (\S+)/.exec(sourcesFor(manifest.suite, targets.stdout))?.[1] ?? '';
    const release = `${archive.replace(/\/$/, '')}/dists/${manifest.suite}/InRelease`;
    const { exitCode } = await host.exec(['sh', '-c', downloadScript, 'download', release], {
      check: false,
      timeout: 120_000,
    });
    return exitCode === 0 ? undefined : `apt can't fetch ${release}`;
  } catch (error) {
    if (Kvm4nfvError.is(error)) return error.message;
    throw error;
  }
};

/** Why no emulated host can be had on this machine; undefined where one can, though tree, image and state may have to be made first. */
export const noLab = async (host: Host, manifest = hostManifest()): Promise<string | undefined> => {
  if (process.env['KVM4NFV_LAB'] === '0') return 'KVM4NFV_LAB=0 leaves tests on emulated hosts out';
  if (process.arch !== 'x64') return `emulated hosts need an x86-64 machine, and this one is ${process.arch}`;
  const available = Number(/^MemAvailable: +(\d+) kB$/m.exec(await host.read('/proc/meminfo'))?.[1]) * 1024;
  if (available < memoryNeeded)
    return `emulated hosts need ${String(memoryNeeded / GiB)} GiB of free memory, and there are ${(available / GiB).toFixed(1)}`;
  const image = await findImage(host, await cacheDirectory(host), manifestDigest(manifest));
  const cached = image !== undefined && (await findQemuTree(host)) !== undefined;
  const directory = await labDirectory(host);
  const { bavail, bsize } = await statfs(directory);
  const needed = cached ? diskNeeded.cached : diskNeeded.fresh;
  if (bavail * bsize < needed)
    return `emulated hosts need ${String(needed / GiB)} GiB of free disk in ${directory}, and there are ${((bavail * bsize) / GiB).toFixed(1)}`;
  return cached ? undefined : noBuild(host, manifest);
};

/**
 * A definition of a virtual host, with tree and image made where the caches of this machine have none yet, which takes
 * minutes the first time; or the reason why there is none.
 */
export const labDefinition = async (host: Host, input: VirtualHostInput = {}): Promise<Definition | string> => {
  const options = virtualHostSchema.parse(input);
  const manifest = hostManifest({ kernel: options.kernel, tools: options.tools });
  const reason = await noLab(host, manifest);
  if (reason !== undefined) return reason;
  const image = await buildImage(host, manifest);
  return { options, images: await cacheDirectory(host), tree: await qemuTree(host), image };
};
