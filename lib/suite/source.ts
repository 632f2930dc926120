import { open } from 'node:fs/promises';
import { fileProblem, type ErrorCode } from '../error.js';

/** A file as read. */
export interface Source {
  /** The name to show. */
  readonly file: string;
  readonly text: string;
}

/** No suite that a person wrote is larger: 1 MiB. */
const maxBytes = 2 ** 20;

export type Reading =
  | { readonly ok: true; readonly text: string }
  | {
      readonly ok: false;
      readonly code: ErrorCode;
      readonly message: string;
      readonly text?: string;
      readonly offset?: number;
      readonly hint?: string;
    };

const firstBytes = async (path: string): Promise<{ readonly bytes: Uint8Array; readonly size: number }> => {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  // Of a pipe the size is 0: what is read decides.
  if (size > maxBytes) return { bytes: new Uint8Array(), size };
  const bytes = new Uint8Array(maxBytes + 1);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, null);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return { bytes: bytes.subarray(0, length), size: length };
};

const decode = (bytes: Uint8Array): Reading => {
  const text = new TextDecoder().decode(bytes);
  const offset = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f\uFFFD]/);
  const code = text.charCodeAt(offset);
  const binary = 'not a text file: a suite is UTF-8 text in YAML';
  if (offset === -1) return { ok: true, text };
  if (code === 0xfffd) return { ok: false, code: 'E_NOT_TEXT', message: binary, text, offset };
  return {
    ok: false,
    code: 'E_NOT_TEXT',
    message: `control character U+${code.toString(16).toUpperCase().padStart(4, '0')}: ${binary}`,
    text,
    offset,
  };
};

/** Reads a file of at most 1 MiB of UTF-8 text; of a larger one at most that much is read. Never throws. */
export const readSource = async (path: string): Promise<Reading> => {
  try {
    const { bytes, size } = await firstBytes(path);
    if (size <= maxBytes) return decode(bytes);
    const mebibytes = (size / maxBytes).toFixed(1);
    return {
      ok: false,
      code: 'E_FILE_SIZE',
      message:
        size === maxBytes + 1 ? 'larger than 1 MiB' : `${mebibytes} MiB is too large: a suite file has at most 1 MiB`,
      hint: 'split it with `include`, or let a `matrix` generate the tests',
    };
  } catch (error) {
    return { ok: false, code: 'E_FILE', message: `can't be read: ${fileProblem(error)}` };
  }
};
