import { Kvm4nfvError } from '../../error.js';
import type { Host } from '../../host/host.js';
import { buildImage, type BuildOptions } from '../../image/build.js';
import type { BuiltImage } from '../../image/built-image.js';
import { listImages, removeImage } from '../../image/cache.js';
import { builtInManifest, builtInManifests, ownManifestSchema } from '../../image/manifest.js';
import { hostManifest } from '../../lab/host-image.js';
import { virtualHostSchema } from '../../lab/options.js';
import { qemuTree } from '../../lab/tree.js';
import { formatCount } from '../../report/format.js';
import { renderTable } from '../../report/table.js';
import { checked } from '../checked.js';
import { openNamed } from '../host.js';
import { Interrupt } from '../interrupt.js';
import { print, printJson, warn } from '../output.js';

export type ImageAction = 'build' | 'list' | 'remove';

export interface ImageOptions {
  readonly host?: string;
  readonly suite?: string;
  readonly kernel?: string;
  readonly tool?: readonly string[];
  readonly package?: readonly string[];
  readonly json: boolean;
}

/** The image of `preset: virtual-host`, whose QEMU is built along with it. */
const virtualHost = 'virtual-host';
const buildable = [...builtInManifests.keys(), virtualHost].join(', ');

const help = 'kvm4nfv image --help shows what can be chosen';

const build = async (
  host: Host,
  name: string | undefined,
  { kernel, tool: tools, package: packages }: ImageOptions,
  on: BuildOptions,
): Promise<BuiltImage> => {
  const given = Object.entries({ kernel, tools, packages }).filter(([, value]) => value !== undefined);
  const chosen = Object.fromEntries(given);
  if (name === virtualHost) {
    const manifest = hostManifest(checked(`image ${virtualHost}`, virtualHostSchema, chosen, help));
    await qemuTree(host, on);
    return buildImage(host, manifest, on);
  }
  if (given.length > 0)
    return buildImage(
      host,
      checked('the image', ownManifestSchema, name === undefined ? chosen : { ...chosen, name }, help),
      on,
    );
  if (name !== undefined) return buildImage(host, builtInManifest(name), on);
  throw new Kvm4nfvError('E_ARGUMENT', 'image build needs the name of an image, or --kernel, --tool or --package', {
    hint: `one of ${buildable}`,
  });
};

/** Minutes are enough: `2026-11-25 10:04`. */
const builtAt = ({ files }: BuiltImage): string => {
  const seconds = Math.max(...Object.values(files).map(({ modified }) => Number(modified)));
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
};

/** The digest that a name or the beginning of a digest means. */
const digestOf = (written: string, images: readonly BuiltImage[]): string => {
  const meant = images.filter(({ manifest, digest }) => manifest.name === written || digest.startsWith(written));
  const [only] = meant;
  if (only !== undefined && meant.length === 1) return only.digest;
  throw new Kvm4nfvError(
    'E_IMAGE',
    meant.length === 0 ? `there is no image '${written}'` : `'${written}' can mean ${String(meant.length)} images`,
    {
      hint: `name one of: ${(meant.length === 0 ? images : meant).map(({ digest }) => digest.slice(0, 12)).join(', ')}`,
    },
  );
};

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
    else if (images.length === 0) print(`no images yet; those that can be built: ${buildable}`);
    else
      print(
        renderTable(
          [
            { title: 'image' },
            { title: 'kernel' },
            { title: 'packages', align: 'right' },
            { title: 'built' },
            { title: 'digest' },
          ],
          images.map((image) =>
            [
              image.manifest.name,
              image.release,
              formatCount(Object.keys(image.packages).length),
              builtAt(image),
              image.digest,
            ].map((text) => ({ text })),
          ),
        ),
      );
    return 0;
  }
  if (action === 'remove') {
    if (name === undefined)
      throw new Kvm4nfvError('E_ARGUMENT', 'image remove needs a name or a digest', { hint: 'see kvm4nfv image list' });
    // A damaged image can't be listed: its whole digest must do.
    const digest = /^[0-9a-f]{64}$/.test(name) ? name : digestOf(name, await listImages(host, { signal }));
    await removeImage(host, digest, { signal });
    return 0;
  }
  const made = await build(host, name, options, { signal, progress: warn });
  if (options.json) printJson(made);
  else
    print(
      `${made.manifest.name}: ${made.disk} (${String(Object.keys(made.packages).length)} packages, Linux ${made.release})`,
    );
  return 0;
};
