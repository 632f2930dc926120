import { Kvm4nfvError } from '../error.js';
import type { Host } from '../host/host.js';

// libvirt's file of a saved domain, as of src/qemu/qemu_saveimage.h, version 2: this header, then `length` bytes with the
// domain's document and the cookie's, each ended by NUL, padded with NULs, then QEMU's migration stream.
const headerSize = 92;
const magic = 'LibvirtQemudSave';
const lengthAt = 20;
const cookieAt = 32;

interface SaveHeader {
  readonly header: Buffer;
  readonly length: number;
  readonly cookie: Buffer;
  readonly xml: string;
}

const readHeader = (bytes: Buffer, path: string): SaveHeader => {
  const broken = (why: string): Kvm4nfvError =>
    new Kvm4nfvError('E_SAVED_STATE', `${path} is no saved state that can be used: ${why}`, {
      hint: 'remove it; the guest is booted instead',
    });
  if (bytes.subarray(0, magic.length).toString('latin1') !== magic)
    throw broken('it does not begin as one of libvirt does');
  const version = bytes.readUInt32LE(16);
  if (version !== 2) throw broken(`its format has version ${String(version)}, and only 2 is known`);
  const length = bytes.readUInt32LE(lengthAt);
  if (bytes.length < headerSize + length) throw broken('it is cut short');
  const offset = bytes.readUInt32LE(cookieAt);
  const data = bytes.subarray(headerSize, headerSize + length);
  const cookie = offset === 0 ? Buffer.alloc(0) : data.subarray(offset, data.indexOf(0, offset) + 1);
  const xml = data.subarray(0, data.indexOf(0)).toString('utf8');
  return { header: Buffer.from(bytes.subarray(0, headerSize)), length, cookie, xml };
};

/** The beginning of a saved state with its document changed. libvirt leaves 64 KiB of room for that. */
export const changeDocument = (bytes: Buffer, change: (xml: string) => string, path = 'the file'): Buffer => {
  const { header, length, cookie, xml } = readHeader(bytes, path);
  const document = Buffer.from(`${change(xml)}\0`);
  const used = document.length + cookie.length;
  if (used > length)
    throw new Kvm4nfvError(
      'E_SAVED_STATE',
      `${path}: a document of ${String(used)} bytes does not fit into its ${String(length)}`,
      {
        hint: 'boot the guest instead (warm: false)',
      },
    );
  if (cookie.length > 0) header.writeUInt32LE(document.length, cookieAt);
  return Buffer.concat([header, document, cookie, Buffer.alloc(length - used)]);
};

/** More than any document, cookie and padding that libvirt writes. */
const mostHeader = 1024 * 1024;

// Reads base64 from standard input over the beginning of a copy. A reflink makes the copy free where the file system can.
const copyScript = `
set -e
cp --reflink=auto --sparse=auto -- "$1" "$2"
chmod 600 -- "$2"
base64 -d | dd of="$2" conv=notrunc bs=64k status=none
`;

/**
 * Copies a saved domain with its document changed: another name, UUID and other files than libvirt's own restore would accept, so
 * that several guests can be started from one saved state at once.
 */
export const retargetSavedState = async (
  host: Host,
  from: string,
  to: string,
  change: (xml: string) => string,
  options: { readonly root?: boolean; readonly signal?: AbortSignal } = {},
): Promise<void> => {
  const { stdout } = await host.exec(
    ['sh', '-c', 'head -c "$1" -- "$2" | base64 -w0', 'sh', String(mostHeader), from],
    {
      ...options,
      maxOutput: 2 * mostHeader,
    },
  );
  const head = changeDocument(Buffer.from(stdout, 'base64'), change, from);
  await host.exec(['sh', '-c', copyScript, 'sh', from, to], {
    ...options,
    stdin: head.toString('base64'),
    timeout: 120_000,
  });
};
