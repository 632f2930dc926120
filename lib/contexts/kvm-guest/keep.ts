import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

/** Writes a file into a directory of the run on this machine, made where it is not there. */
export const keepFile = async (directory: string, file: string, text: string): Promise<void> => {
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, file), text);
};
