import type { Host } from '../../lib/host/host.js';
import { buildImage } from '../../lib/image/build.js';
import { cacheDirectory, findImage } from '../../lib/image/cache.js';
import { manifestDigest } from '../../lib/image/manifest.js';
import type { Definition } from '../../lib/lab/definition.js';
import { hostManifest } from '../../lib/lab/host-image.js';
import { virtualHostSchema, type VirtualHostInput } from '../../lib/lab/options.js';
import { findState } from '../../lib/lab/saved.js';
import { findQemuTree, qemuTree } from '../../lib/lab/tree.js';

/**
 * A definition of a virtual host whose tree, image and saved state are in the caches of this machine, where they stay for
 * the next run; with KVM4NFV_LAB=1 they are made, which takes minutes the first time. Else the reason why there is none.
 */
export const labDefinition = async (host: Host, input: VirtualHostInput = {}): Promise<Definition | string> => {
  const options = virtualHostSchema.parse(input);
  const manifest = hostManifest({ kernel: options.kernel, tools: options.tools });
  const images = await cacheDirectory(host);
  if (process.env['KVM4NFV_LAB'] === '1')
    return { options, images, tree: await qemuTree(host), image: await buildImage(host, manifest) };
  const tree = await findQemuTree(host);
  const image = await findImage(host, images, manifestDigest(manifest));
  const make = 'KVM4NFV_LAB=1 makes it, once';
  if (tree === undefined) return `no QEMU with igb on this machine: ${make}`;
  if (image === undefined) return `no image of a virtual host in the cache: ${make}`;
  const definition = { options, images, tree, image };
  if ((await findState(host, definition)) === undefined) return `no saved virtual host: ${make}`;
  return definition;
};
