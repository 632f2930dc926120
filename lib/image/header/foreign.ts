import { tailLength, textAt, type FileBytes } from './bytes.js';

/** A file that is told by its magic number. */
export interface Foreign {
  /** With its article: `a VMDK image (VMware)`. */
  readonly what: string;
  /**
   * `image`: a disk in another format than ours. `packed`: a disk may be in it, compressed or in an archive. `encrypted`.
   * `content`: no disk that boots, but a guest may well read it from one: a file system, an archive without compression.
   */
  readonly kind: 'image' | 'packed' | 'encrypted' | 'content';
  /** What makes an image of it, where a command does. */
  readonly remedy?: string;
}

interface Magic extends Foreign {
  readonly at: number | 'tail';
  readonly magic: string | RegExp;
}

const convert = 'qemu-img convert -O qcow2 <image> <new image>';
const image = (what: string, magic: Magic['magic'], at: Magic['at'] = 0): Magic => ({
  what,
  kind: 'image',
  remedy: convert,
  at,
  magic,
});
const packed = (what: string, magic: Magic['magic'], remedy?: string, at = 0): Magic => ({
  what,
  kind: 'packed',
  ...(remedy === undefined ? {} : { remedy }),
  at,
  magic,
});
const content = (what: string, magic: Magic['magic'], at = 0): Magic => ({ what, kind: 'content', at, magic });

/*
 * Magic numbers: of disk images from QEMU's block/*.c, of the rest from the formats' own specifications. Where a number is
 * short, what must follow it is asked for too.
 */
const magics: readonly Magic[] = [
  image('a VMDK image (VMware)', 'KDMV'),
  image('a VMDK image (VMware ESX)', 'COWD'),
  image('a VMDK image (VMware, SE sparse)', '\xbe\xba\xfe\xca\0\0\0\0'),
  image('the descriptor of a VMDK image (VMware), which refers to other files', /^\s*# Disk DescriptorFile/),
  image('a VDI image (VirtualBox)', '\x7f\x10\xda\xbe', 0x40),
  image('a VHDX image (Hyper-V)', 'vhdxfile'),
  image('a VHD image (Hyper-V)', 'conectix'),
  image('a VHD image of fixed size (Hyper-V)', 'conectix', 'tail'),
  image('a QED image', 'QED\0'),
  image('a Parallels image', /^Withou(?:tFreeSpace|FreSpacExt)/),
  image('a Bochs image', 'Bochs Virtual HD Image'),
  image('a cloop image', '#!/bin/sh\n#V2.0 Format\n'),
  image('a DMG image (macOS)', 'koly', 'tail'),
  image('an Expert Witness image', 'EVF\t\r\n\xff\0'),
  {
    what: 'a sparse image of Android',
    kind: 'image',
    remedy: 'simg2img <image> <new image>',
    at: 0,
    magic: '\x3a\xff\x26\xed',
  },
  {
    what: 'encrypted (LUKS)',
    kind: 'encrypted',
    remedy: 'cryptsetup open <image> <name>, and copy /dev/mapper/<name>',
    at: 0,
    magic: /^LUKS\xba\xbe\0[\x01\x02]/,
  },
  packed('compressed by gzip', /^\x1f\x8b\x08[\0-\x1f]/, 'gunzip <image>'),
  packed('compressed by xz', '\xfd7zXZ\0', 'unxz <image>'),
  packed('compressed by zstd', /^(?:\x28|[\x50-\x5f]\x2a\x4d\x18.{4}\x28)\xb5\x2f\xfd/s, 'unzstd <image>'),
  packed('compressed by bzip2', /^BZh[1-9](?:1AY&SY|\x17\x72\x45\x38\x50\x90)/, 'bunzip2 <image>'),
  packed('compressed by lz4', /^(?:\x04\x22|\x02\x21)\x4d\x18/, 'unlz4 <image>'),
  packed('compressed by lzip', /^LZIP[\0\x01]/, 'lzip -d <image>'),
  packed('compressed by lzop', '\x89LZO\0\r\n\x1a\n', 'lzop -d <image>'),
  packed('compressed by lzma', /^\x5d\0\0[\0-\xff]{2}(?:\xff{8}|[\0-\xff]{5}\0{3})\0/, 'unlzma <image>'),
  packed('compressed by compress', /^\x1f\x9d[\x89-\x90]/, 'uncompress <image>'),
  packed('a zip archive', /^PK(?:\x03\x04|\x05\x06|\x07\x08)/, 'unzip <image>'),
  packed('a 7z archive', '7z\xbc\xaf\x27\x1c', '7z x <image>'),
  packed('a rar archive', 'Rar!\x1a\x07', 'unrar x <image>'),
  packed('a package of RPM', '\xed\xab\xee\xdb'),
  packed('an archive of ar, as Debian packages are', '!<arch>\n'),
  packed('a page of HTML instead of an image', /^(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html)\b/i),
  content('an ISO 9660 image (of a CD)', 'CD001', 0x8001),
  content('a tar archive (an OVA is one)', 'ustar', 257),
  content('a cpio archive (an initrd is one)', /^0707(?:0[127])[0-9a-f]{6}/i),
  content('a file system for reading only (squashfs)', 'hsqs'),
  content('a program (ELF)', /^\x7fELF[\x01\x02][\x01\x02]\x01/),
  content('a Linux kernel', 'HdrS', 0x202),
];

/** Bytes in which the magic numbers that are patterns must begin and end. */
const patternLength = 64;

const matches = ({ at, magic }: Magic, { head, tail }: FileBytes): boolean => {
  if (typeof magic !== 'string') return magic.test(textAt(head, 0, patternLength));
  const [bytes, from] = at === 'tail' ? [tail, 0] : [head, at];
  return (at !== 'tail' || tail.length === tailLength) && textAt(bytes, from, magic.length) === magic;
};

/** What a file is by its magic number; undefined where it has none that is known. */
export const foreignOf = (file: FileBytes): Foreign | undefined => magics.find((magic) => matches(magic, file));
