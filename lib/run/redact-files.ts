import { createReadStream } from 'node:fs';
import { open, readdir, rename, stat, utimes } from 'node:fs/promises';
import path from 'node:path';
import type { Redactor } from './redact.js';

/**
 * The bytes of a file without secrets, a piece at a time, and whether they are others than before. One byte is one
 * character here; what may be the beginning of a secret is held back until the rest of it is there.
 */
async function* withoutSecrets(file: string, hide: Redactor): AsyncGenerator<{ piece: Buffer; changed: boolean }> {
  let held = '';
  const cut = (end: number): { piece: Buffer; changed: boolean } => {
    const said = held.slice(0, end);
    const shown = hide.bytes(said);
    held = held.slice(end);
    return { piece: Buffer.from(shown, 'latin1'), changed: shown !== said };
  };
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    held += chunk.toString('latin1');
    const end = hide.safeEnd(held);
    if (end > 0) yield cut(end);
  }
  if (held !== '') yield cut(held.length);
}

const redactFile = async (file: string, hide: Redactor): Promise<void> => {
  let holds = false;
  for await (const { changed } of withoutSecrets(file, hide)) holds ||= changed;
  if (!holds) return;
  const part = `${file}.redacted`;
  {
    await using copy = await open(part, 'wx');
    for await (const { piece } of withoutSecrets(file, hide)) await copy.appendFile(piece);
  }
  const { atime, mtime } = await stat(file);
  await utimes(part, atime, mtime);
  await rename(part, file);
};

/** Takes secrets out of all files below a directory, which need not be there. Numbers stay: what a tool measured is no secret. */
export const redactFiles = async (directory: string, hide: Redactor): Promise<void> => {
  if (hide.reach === 0) return;
  const entries = await readdir(directory, { withFileTypes: true, recursive: true }).catch(() => []);
  for (const entry of entries) if (entry.isFile()) await redactFile(path.join(entry.parentPath, entry.name), hide);
};
