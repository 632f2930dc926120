import { createHash } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';
import { cacheDirectory, type CacheOptions } from './cache.js';
import { guardImage, headerOf } from './header/guard.js';
import { unfitFor } from './header/header.js';
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

// Prints the sum: remembered, with inode, size and time of change, for a file that has not changed.
const script = `set -eu
cache=$1 algorithm=$2 path=$3 key=$4
stamp=$(stat -L -c '%i %s %.9Y' -- "$path")
known=$cache/sum-$key
if [ -f "$known" ] && [ "$(sed -n 1p "$known")" = "$stamp" ]; then sum=$(sed -n 2p "$known")
else
  sum=$("$algorithm"sum <"$path")
  sum=\${sum%% *}
  [ "$stamp" = "$(stat -L -c '%i %s %.9Y' -- "$path")" ] || { echo "$path changes while it is read" >&2; exit 1; }
  printf '%s\\n%s\\n' "$stamp" "$sum" >"$known.$$"
  mv -f "$known.$$" "$known"
fi
echo "$sum"`;

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
 * and time of change stay the same. What is no such image by its header is refused: see {@link guardImage}.
 */
export const useImage = async (host: Host, spec: OwnImageSpec, options: CacheOptions = {}): Promise<OwnImage> => {
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const [algorithm, wanted] = wantedSum(spec);
  if (!spec.path.startsWith('/'))
    throw new Kvm4nfvError('E_IMAGE', `The path of an image must be absolute: ${spec.path}`);
  const use = { boots: true, readOnly: true, ...(spec.format === undefined ? {} : { format: spec.format }) };
  const before = unfitFor(await headerOf(host, spec.path, signal), use);
  const cache = await cacheDirectory(host, options);
  const key = createHash('sha256').update(`${algorithm} ${spec.path}`).digest('hex');
  const { stdout } = await host.exec(['sh', '-c', script, 'sum', cache, algorithm, spec.path, key], signal);
  const found = stdout.trim();
  if (found !== wanted) {
    const also = before === undefined ? '' : `, and it ${before.why}`;
    throw new Kvm4nfvError(
      'E_CHECKSUM',
      `${host.name}: ${spec.path} has the ${algorithm} ${found} instead of ${wanted}${also}`,
      { hint: 'Fetch the image again: it is truncated, or not the one that was meant.' },
    );
  }
  // Read again: it is the file with the right checksum that counts.
  const format = await guardImage(host, spec.path, use, signal);
  return { disk: spec.path, format, checksum: `${algorithm}:${wanted}` };
};
