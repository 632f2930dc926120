import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { trustFunctions } from '../host/trust-script.js';
import { builtImageSchema, locate, type BuiltImage } from './built-image.js';
import { imageManifestSchema } from './manifest.js';

export interface CacheOptions {
  /** Directory of the cache on the host. Default: `images` below /var/cache/kvm4nfv for root, else below $XDG_CACHE_HOME/kvm4nfv. */
  readonly cache?: string;
  readonly signal?: AbortSignal;
}

// $1 the directory that was given, or nothing; $2 what it holds.
const whereScript = `${trustFunctions}
umask 022
if [ -n "$1" ]; then :
elif [ "$(id -u)" = 0 ]; then
  set -- "/var/cache/kvm4nfv/$2"
  trust "$1" 755 || exit
else set -- "\${XDG_CACHE_HOME:-$HOME/.cache}/kvm4nfv/$2"; fi
mkdir -p -- "$1" && cd -- "$1" && pwd -P`;

const directoryOf = async (host: Host, holds: 'images' | 'states', options: CacheOptions): Promise<string> => {
  const given = options.cache === undefined || holds === 'images' ? options.cache : `${options.cache}/../${holds}`;
  const argv = ['sh', '-c', whereScript, 'where', given ?? '', holds];
  const { stdout } = await host.exec(argv, options.signal === undefined ? {} : { signal: options.signal });
  return stdout.trim();
};

/** The directory of saved guests, beside the image cache, made where it is not there. */
export const stateCache = (host: Host, options: CacheOptions = {}): Promise<string> =>
  directoryOf(host, 'states', options);

/** The directory of the host's image cache, made where it is not there. */
export const cacheDirectory = (host: Host, options: CacheOptions = {}): Promise<string> =>
  directoryOf(host, 'images', options);

// Records apart with a character that none of them holds, files missing are empty.
const readScript = `cd -- "$1" || exit
for name in image.json manifest.json mode release packages sums stamps; do
  [ ! -e "$name" ] || cat "$name"
  printf '\\036'
done`;

const pairs = (text: string, separator: RegExp): [string, string][] =>
  text.split('\n').flatMap((line): [string, string][] => {
    const [first = '', second = ''] = line.split(separator);
    return second === '' ? [] : [[first, second]];
  });

const damaged = (directory: string, why: string, cause?: unknown): Kvm4nfvError =>
  new Kvm4nfvError('E_IMAGE_DAMAGED', `The image in ${directory} is damaged: ${why}`, {
    hint: 'Remove it with `kvm4nfv image remove` and build it again.',
    ...(cause === undefined ? {} : { cause }),
  });

/** The image of that digest, or nothing where the cache has none. What the builder left is sealed into `image.json`. */
export const findImage = async (host: Host, cache: string, digest: string): Promise<BuiltImage | undefined> => {
  const directory = `${cache}/${digest}`;
  const { exitCode, stdout } = await host.exec(['sh', '-c', readScript, 'read', directory], { check: false });
  if (exitCode !== 0) return undefined;
  const [sealed = '', manifestText = '', mode = '', release = '', packages = '', sums = '', stamps = ''] =
    stdout.split('\x1e');
  try {
    if (sealed !== '') return locate(directory, builtImageSchema.parse(JSON.parse(sealed)));
    const manifest = imageManifestSchema.parse(JSON.parse(manifestText));
    const stampOf = new Map(stamps.split('\n').map((line) => [line.split(' ')[0], line.split(' ')]));
    const files = pairs(sums, / [ *]/).map(([sha256, name]) => {
      const [, size, modified] = stampOf.get(name) ?? [];
      return [name, { sha256, size: Number(size), modified }];
    });
    const record = builtImageSchema.parse({
      schemaVersion: 1,
      digest,
      manifest,
      mode: mode.trim(),
      release: release.trim(),
      cmdline: manifest.cmdline,
      packages: Object.fromEntries(pairs(packages, /\t/)),
      files: Object.fromEntries(files) as unknown,
    });
    await host.write(`${directory}/image.json`, JSON.stringify(record, null, 2) + '\n');
    return locate(directory, record);
  } catch (error) {
    if (Kvm4nfvError.is(error)) throw error;
    throw damaged(directory, 'its description can not be read', error);
  }
};

/**
 * Checks the files of an image: their size and time of change against what was recorded when they were made, or with
 * `full` their SHA-256. Throws an environment error that names the file.
 */
export const verifyImage = async (
  host: Host,
  image: BuiltImage,
  options: { readonly full?: boolean; readonly signal?: AbortSignal } = {},
): Promise<void> => {
  const names = Object.keys(image.files);
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const here = { ...signal, check: false, cwd: image.directory };
  const stamps = await host.exec(['stat', '-c', '%n %s %.9Y', '--', ...names], here);
  const found = new Map(stamps.stdout.split('\n').map((line) => [line.split(' ')[0], line.split(' ')]));
  for (const [name, file] of Object.entries(image.files)) {
    const [, size, modified] = found.get(name) ?? [];
    if (size === undefined) throw damaged(image.directory, `${name} is not there`);
    if (Number(size) !== file.size)
      throw damaged(image.directory, `${name} has ${size} bytes instead of ${String(file.size)}`);
    if (modified !== file.modified) throw damaged(image.directory, `${name} was changed after it was built`);
  }
  if (options.full !== true) return;
  const sums = await host.exec(['sha256sum', '--', ...names], { ...here, check: true });
  for (const [sha256, name] of pairs(sums.stdout, / [ *]/)) {
    const wanted = image.files[name]?.sha256 ?? '';
    if (sha256 !== wanted) throw damaged(image.directory, `${name} has the SHA-256 ${sha256} instead of ${wanted}`);
  }
};

/** The images in the cache of the host. */
export const listImages = async (host: Host, options: CacheOptions = {}): Promise<readonly BuiltImage[]> => {
  const cache = await cacheDirectory(host, options);
  const { stdout } = await host.exec(['find', cache, '-mindepth', '2', '-maxdepth', '2', '-name', 'sums']);
  const digests = stdout.split('\n').flatMap((path) => path.split('/').at(-2) ?? []);
  const complete = digests.filter((digest) => /^[0-9a-f]{64}$/.test(digest)).sort();
  const images = await Promise.all(complete.map((digest) => findImage(host, cache, digest)));
  return images.filter((image) => image !== undefined);
};

const removeScript = `exec 9>"$1/$2.lock"
flock 9
rm -rf --one-file-system "$1/$2" "$1/$2.building"
rm -f "$1/$2.lock"`;

/** Removes the image of that digest, damaged or not, once nobody builds it. Overlays on it are lost. */
export const removeImage = async (host: Host, digest: string, options: CacheOptions = {}): Promise<void> => {
  if (!/^[0-9a-f]{64}$/.test(digest)) throw new Kvm4nfvError('E_IMAGE', `'${digest}' is not the digest of an image`);
  const cache = await cacheDirectory(host, options);
  await host.exec(['sh', '-c', removeScript, 'remove', cache, digest]);
};
