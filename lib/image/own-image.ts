import { createHash } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { cacheDirectory, type CacheOptions } from './cache.js';
import type { BaseImage } from './overlay.js';

/** An image that the user brings: any disk image that boots by its own loader and takes cloud-init's NoCloud. */
export interface OwnImageSpec {
  /** Absolute path on the host. */
  readonly path: string;
  /** Hexadecimal digits. One of the two must be given. */
  readonly sha256?: string;
  readonly sha512?: string;
  /** Default: told by the file's first bytes. */
  readonly format?: 'raw' | 'qcow2';
}

export interface OwnImage extends BaseImage {
  readonly checksum: string;
}

// Prints "<inode> <size> <time of change> <first four bytes>", then the sum: remembered for a file that has not changed.
const script = `set -eu
cache=$1 algorithm=$2 path=$3 key=$4
stamp=$(stat -L -c '%i %s %.9Y' -- "$path")
magic=$(head -c 4 -- "$path" | od -An -tx1 | tr -d ' \\n')
known=$cache/sum-$key
if [ -f "$known" ] && [ "$(sed -n 1p "$known")" = "$stamp" ]; then sum=$(sed -n 2p "$known")
else
  sum=$("$algorithm"sum <"$path")
  sum=\${sum%% *}
  [ "$stamp" = "$(stat -L -c '%i %s %.9Y' -- "$path")" ] || { echo "$path changes while it is read" >&2; exit 1; }
  printf '%s\\n%s\\n' "$stamp" "$sum" >"$known.$$"
  mv -f "$known.$$" "$known"
fi
echo "$magic $sum"`;

const wantedSum = (spec: OwnImageSpec): readonly ['sha256' | 'sha512', string] => {
  const [algorithm, sum, digits] =
    spec.sha512 === undefined ? (['sha256', spec.sha256, 64] as const) : (['sha512', spec.sha512, 128] as const);
  if (sum === undefined) {
    throw new Kvm4nfvError('E_IMAGE', `The image ${spec.path} has no checksum`, {
      hint: "Give its sha256 or sha512, from the publisher's list of checksums.",
    });
  }
  const lower = sum.toLowerCase();
  if (lower.length === digits && /^[0-9a-f]+$/.test(lower)) return [algorithm, lower];
  throw new Kvm4nfvError('E_IMAGE', `'${sum}' is not a ${algorithm}: expected ${String(digits)} hexadecimal digits`);
};

/**
 * An image of the user's, once its checksum is right: computed on the host, and remembered there for as long as inode, size
 * and time of change stay the same. A qcow2 that refers to other files is refused, for a guest could read them by it.
 */
export const useImage = async (host: Host, spec: OwnImageSpec, options: CacheOptions = {}): Promise<OwnImage> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const [algorithm, wanted] = wantedSum(spec);
  if (!spec.path.startsWith('/'))
    throw new Kvm4nfvError('E_IMAGE', `The path of an image must be absolute: ${spec.path}`);
  if ((await host.exec(['test', '-f', spec.path, '-a', '-r', spec.path], { ...signal, check: false })).exitCode !== 0) {
    throw new Kvm4nfvError('E_IMAGE', `${host.name}: there is no image ${spec.path} that can be read`);
  }
  const cache = await cacheDirectory(host, options);
  const key = createHash('sha256').update(`${algorithm} ${spec.path}`).digest('hex');
  const { stdout } = await host.exec(['sh', '-c', script, 'sum', cache, algorithm, spec.path, key], signal);
  const [magic, found] = stdout.trim().split(' ');
  if (found !== wanted) {
    throw new Kvm4nfvError(
      'E_CHECKSUM',
      `${host.name}: ${spec.path} has the ${algorithm} ${String(found)} instead of ${wanted}`,
      {
        hint: 'Fetch the image again: it is truncated, or not the one that was meant.',
      },
    );
  }
  const told = magic === '514649fb' ? 'qcow2' : 'raw';
  const format = spec.format ?? told;
  if (format === 'qcow2' && told === 'raw') throw new Kvm4nfvError('E_IMAGE', `${spec.path} is not a qcow2 image`);
  if (format === 'qcow2') {
    const info = await host.exec(['qemu-img', 'info', '-U', '--output=json', '-f', 'qcow2', spec.path], signal);
    if (/"(backing-filename|data-file)"/.test(info.stdout)) {
      throw new Kvm4nfvError('E_IMAGE_UNSAFE', `${spec.path} refers to another file`, {
        hint: 'Make it whole: qemu-img convert -O qcow2 <image> <new image>.',
      });
    }
  }
  return { disk: spec.path, format, checksum: `${algorithm}:${wanted}` };
};
