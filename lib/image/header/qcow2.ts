import { textAt, u32, u64, type FileBytes } from './bytes.js';

const magic = 'QFI\xfb';
export const isQcow = ({ head }: FileBytes): boolean => textAt(head, 0, 4) === magic;

/** Incompatible features, by their bits: what each is, and why it is not taken. */
const corrupt = 1n << 1n;
const dataFile = 1n << 2n;
/** Dirty, another compression, extended L2 entries: QEMU copes with these by itself. */
const harmless = (1n << 0n) | (1n << 3n) | (1n << 4n);

const featureNames = 0x6803f857;
const dataFileName = 0x44415441;
const compressions = ['zlib', 'zstd'];

/** The extensions of the header, as far as the bytes go. */
function* extensions(head: Uint8Array, from: number): Generator<{ type: number; data: Uint8Array }> {
  for (let at = from; ;) {
    const [type, length] = [u32(head, at), u32(head, at + 4)];
    if (type === undefined || length === undefined || type === 0) return;
    yield { type, data: head.subarray(at + 8, at + 8 + length) };
    at += 8 + Math.ceil(length / 8) * 8;
  }
}

const quoted = (bytes: Uint8Array): string => {
  const text = Buffer.from(bytes).toString('utf8');
  return text === '' ? '' : ` '${text}'`;
};

/** Names of the incompatible features that we don't know, from the table that the image itself brings. */
const unknownFeatures = (bits: bigint, found: readonly { type: number; data: Uint8Array }[]): string => {
  const table = found.find(({ type }) => type === featureNames)?.data ?? new Uint8Array();
  const names = new Map<number, string>();
  for (let at = 0; at + 48 <= table.length; at += 48)
    if (table[at] === 0) names.set(table[at + 1] ?? 0, textAt(table, at + 2, 46).replace(/\0.*$/s, ''));
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit)) & 1n)
    .map((bit) => [`bit ${String(bit)}`, names.get(bit)].filter((name) => name !== undefined).join(': '))
    .join(', ');
};

export interface Flaw {
  /** What is said of the image: `refers to another file 'base.qcow2', its backing file`. */
  readonly why: string;
  /** What to do about it, a sentence. */
  readonly remedy?: string;
  /** A guest could read other files by it. */
  readonly unsafe?: true;
}

const whole = 'Make it whole: qemu-img convert -O qcow2 <image> <new image>.';
const newer = 'Convert it with a QEMU that knows it: qemu-img convert -O qcow2 <image> <new image>.';

const version3 = (head: Uint8Array): Flaw | undefined => {
  const features = u64(head, 72) ?? 0n;
  const length = u32(head, 100);
  if (length === undefined) return { why: 'is cut short within its header' };
  const found = [...extensions(head, length)];
  if ((features & dataFile) !== 0n) {
    const name = found.find(({ type }) => type === dataFileName)?.data ?? new Uint8Array();
    return { why: `keeps its data in another file${quoted(name)} (data file)`, remedy: whole, unsafe: true };
  }
  const unknown = features & ~(corrupt | dataFile | harmless);
  if (unknown !== 0n)
    return { why: `has incompatible features that are not known (${unknownFeatures(unknown, found)})`, remedy: newer };
  if ((features & corrupt) !== 0n)
    return { why: 'is marked as corrupt', remedy: 'Repair it: qemu-img check -r all <image>.' };
  const compression = length > 104 ? (head[104] ?? 0) : 0;
  if (compressions[compression] === undefined)
    return { why: `is compressed in a way that is not known (${String(compression)})`, remedy: newer };
  return undefined;
};

/** Where its tables end: what is shorter was not copied whole. */
const tablesEnd = (head: Uint8Array): bigint => {
  const l1 = (u64(head, 40) ?? 0n) + BigInt(u32(head, 36) ?? 0) * 8n;
  const refcounts = (u64(head, 48) ?? 0n) + 1n;
  return l1 > refcounts ? l1 : refcounts;
};

/** Why a file that begins as a qcow2 image is not taken; undefined where it stands on its own. */
export const qcow2Flaw = ({ head, size }: FileBytes): Flaw | undefined => {
  const version = u32(head, 4);
  if (version === 1) return { why: 'is a qcow image of version 1', remedy: whole };
  if (version !== undefined && version !== 2 && version !== 3)
    return { why: `is a qcow2 image of version ${String(version)}, which is not known`, remedy: newer };
  const backingAt = u64(head, 8);
  const encryption = u32(head, 32);
  if (version === undefined || backingAt === undefined || encryption === undefined || head.length < 72)
    return { why: 'is cut short within its header' };
  if (backingAt !== 0n) {
    const at = backingAt < BigInt(head.length) ? Number(backingAt) : head.length;
    const name = head.subarray(at, at + (u32(head, 16) ?? 0));
    return { why: `refers to another file${quoted(name)} (backing file)`, remedy: whole, unsafe: true };
  }
  if (encryption !== 0)
    return {
      why: `is encrypted (${encryption === 1 ? 'AES' : encryption === 2 ? 'LUKS' : String(encryption)})`,
      remedy: 'Convert it with its secret (qemu-img convert --object secret,...) to an image that is not encrypted.',
    };
  const flaw = version === 3 ? version3(head) : undefined;
  if (flaw !== undefined) return flaw;
  return tablesEnd(head) > BigInt(size)
    ? { why: `is cut short: its tables end behind byte ${String(size)}` }
    : undefined;
};
