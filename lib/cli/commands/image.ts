import { Kvm4nfvError } from '../../error.js';
import { buildImage } from '../../image/build.js';
import { listImages, removeImage } from '../../image/cache.js';
import { builtInManifest, builtInManifests } from '../../image/manifest.js';
import { formatCount } from '../../report/format.js';
import { renderTable } from '../../report/table.js';
import { openNamed } from '../host.js';
import { Interrupt } from '../interrupt.js';
import { print, printJson, warn } from '../output.js';

export type ImageAction = 'build' | 'list' | 'remove';

export interface ImageOptions {
  readonly host?: string;
  readonly suite?: string;
  readonly json: boolean;
}

/** `kvm4nfv image`: builds, lists or removes guest images in the cache of a host. */
export const image = async (action: ImageAction, name: string | undefined, options: ImageOptions): Promise<number> => {
  using interrupt = new Interrupt(() => 'kvm4nfv image list');
  const { signal } = interrupt;
  await using host = await openNamed(options.host, {
    signal,
    ...(options.suite === undefined ? {} : { suite: options.suite }),
  });
  if (action === 'list') {
    const images = await listImages(host, { signal });
    if (options.json) printJson(images);
    else if (images.length === 0)
      print(`no images yet; those that can be built: ${[...builtInManifests.keys()].join(', ')}`);
    else
      print(
        renderTable(
          [{ title: 'image' }, { title: 'kernel' }, { title: 'packages', align: 'right' }, { title: 'digest' }],
          images.map(({ manifest, release, packages, digest }) =>
            [manifest.name, release, formatCount(Object.keys(packages).length), digest].map((text) => ({ text })),
          ),
        ),
      );
    return 0;
  }
  if (name === undefined)
    throw new Kvm4nfvError(
      'usage',
      `image ${action} needs ${action === 'build' ? 'the name of an image' : 'a digest'}`,
      { hint: action === 'build' ? `one of ${[...builtInManifests.keys()].join(', ')}` : 'see kvm4nfv image list' },
    );
  if (action === 'remove') {
    await removeImage(host, name, { signal });
    return 0;
  }
  const built = await buildImage(host, builtInManifest(name), { signal, progress: warn });
  if (options.json) printJson(built);
  else
    print(
      `${built.manifest.name}: ${built.disk} (${String(Object.keys(built.packages).length)} packages, Linux ${built.release})`,
    );
  return 0;
};
