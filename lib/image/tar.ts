import { Kvm4nfvError } from '../error.js';

/** A member of a tar archive. Owner is always root, the time stamp is the archive's. */
export interface TarEntry {
  readonly path: string;
  readonly mode?: number;
  readonly content: { readonly text: string | Uint8Array } | { readonly link: string } | 'directory';
}

const block = 512;
const octal = (value: number, width: number): string => value.toString(8).padStart(width - 1, '0') + '\0';

const header = (entry: TarEntry, size: number, mtime: number): Buffer => {
  const link = typeof entry.content === 'object' && 'link' in entry.content ? entry.content.link : '';
  const kind = entry.content === 'directory' ? '5' : link === '' ? '0' : '2';
  const path = kind === '5' ? `${entry.path}/` : entry.path;
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(link) > 100) {
    throw new Kvm4nfvError('internal', `The path ${path} is too long for a tar header`);
  }
  const bytes = Buffer.alloc(block);
  bytes.write(path, 0);
  bytes.write(octal(entry.mode ?? (kind === '5' ? 0o755 : kind === '2' ? 0o777 : 0o644), 8), 100);
  bytes.write(octal(0, 8), 108);
  bytes.write(octal(0, 8), 116);
  bytes.write(octal(size, 12), 124);
  bytes.write(octal(mtime, 12), 136);
  bytes.write(' '.repeat(8), 148);
  bytes.write(kind, 156);
  bytes.write(link, 157);
  bytes.write('ustar\0' + '00', 257);
  bytes.write('root', 265);
  bytes.write('root', 297);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(octal(sum, 7) + ' ', 148);
  return bytes;
};

/**
 * A ustar archive in memory, for the handful of small files that we hand to a guest or an image: the same entries
 * give the same bytes. `mtime` in seconds since the epoch.
 */
export const tar = (entries: readonly TarEntry[], mtime = 0): Buffer => {
  const parts = entries.flatMap((entry) => {
    const content = Buffer.from(typeof entry.content === 'object' && 'text' in entry.content ? entry.content.text : '');
    const padding = Buffer.alloc((block - (content.length % block)) % block);
    return [header(entry, content.length, mtime), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
};
