import type { Host } from '../../lib/host/host.js';
import { buildImage } from '../../lib/image/build.js';
import { cacheDirectory } from '../../lib/image/cache.js';
import type { Definition } from '../../lib/lab/definition.js';
import { hostManifest } from '../../lib/lab/host-image.js';
import { virtualHostSchema, type VirtualHostInput } from '../../lib/lab/options.js';
import { qemuTree } from '../../lib/lab/tree.js';

/**
 * A definition of a virtual host, with tree, image and saved state made where the caches of this machine have none yet, which
 * takes minutes the first time. Only with KVM4NFV_LAB=1: emulated hosts keep both cores of a small machine busy for long. Else
 * the reason why there is none.
 */
export const labDefinition = async (host: Host, input: VirtualHostInput = {}): Promise<Definition | string> => {
  if (process.env['KVM4NFV_LAB'] !== '1') return 'tests on an emulated host run with KVM4NFV_LAB=1';
  const options = virtualHostSchema.parse(input);
  const images = await cacheDirectory(host);
  const image = await buildImage(host, hostManifest({ kernel: options.kernel, tools: options.tools }));
  return { options, images, tree: await qemuTree(host), image };
};
