import type { FileBytes } from './bytes.js';
import { foreignOf, type Foreign } from './foreign.js';
import { isQcow, qcow2Flaw, type Flaw } from './qcow2.js';

/** What a file is, by its bytes and not by its name. */
export type ImageHeader =
  | { readonly format: 'raw' }
  | { readonly format: 'qcow2'; readonly flaw?: Flaw }
  | { readonly format: 'foreign'; readonly foreign: Foreign }
  | { readonly format: 'empty' };

/** Reads the header of a file. Pure. What has no known magic number is raw. */
export const imageHeader = (file: FileBytes): ImageHeader => {
  if (file.size === 0) return { format: 'empty' };
  if (isQcow(file)) {
    const flaw = qcow2Flaw(file);
    return flaw === undefined ? { format: 'qcow2' } : { format: 'qcow2', flaw };
  }
  const foreign = foreignOf(file);
  return foreign === undefined ? { format: 'raw' } : { format: 'foreign', foreign };
};

/** What a disk is wanted for. */
export interface DiskUse {
  /** Default: as the header tells. */
  readonly format?: 'raw' | 'qcow2';
  /** The guest starts from it, by the loader on it. */
  readonly boots: boolean;
  readonly readOnly: boolean;
}

export interface Unfit {
  /** Completes a sentence about the file: `is a VMDK image (VMware)`. */
  readonly why: string;
  readonly hint: string;
  readonly unsafe?: true;
}

const unfitForeign = ({ what, kind, remedy }: Foreign, { boots, readOnly, format }: DiskUse): Unfit | undefined => {
  if (kind === 'content' && !boots && readOnly && format !== 'qcow2') return undefined;
  const why = `is ${what}, no ${format ?? 'qcow2 or raw'} image`;
  if (remedy !== undefined) return { why, hint: `Make an image of it: ${remedy}.` };
  const kept = 'Set `read_only: true` with `format: raw` where the guest is to read it as it is.';
  return { why, hint: kind === 'content' && !boots ? kept : 'Name a disk image (qcow2 or raw).' };
};

/** Why a file with this header can't be what it is wanted for; undefined where it can. Pure. */
export const unfitFor = (header: ImageHeader, use: DiskUse): Unfit | undefined => {
  switch (header.format) {
    case 'empty':
      return { why: 'is empty', hint: 'Fetch it again, or make it: qemu-img create.' };
    case 'foreign':
      return unfitForeign(header.foreign, use);
    case 'raw':
      return use.format === 'qcow2'
        ? { why: 'is not a qcow2 image', hint: 'Set `format: raw` where it is a raw image.' }
        : undefined;
    case 'qcow2': {
      const { flaw } = header;
      if (flaw !== undefined) {
        const { why, remedy: hint = 'Fetch it again.', unsafe } = flaw;
        return { why, hint, ...(unsafe === undefined ? {} : { unsafe }) };
      }
      return use.format === 'raw' ? { why: 'is a qcow2 image, no raw one', hint: 'Set `format: qcow2`.' } : undefined;
    }
  }
};
