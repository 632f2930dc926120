import { mkdir } from 'node:fs/promises';
import path from 'node:path';

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);

/**
 * Makes a directory with those above it, but `root` and those above that, which must be there: where it was removed under
 * us the error is ENOENT. Not `mkdir` with `recursive`, which never ends below /proc, or where the working directory is gone.
 */
export const makeDirectories = async (directory: string, root = path.parse(directory).root): Promise<void> => {
  if (directory === root) return;
  try {
    await mkdir(directory);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    const parent = path.dirname(directory);
    if (codeOf(error) !== 'ENOENT' || parent === root || parent === directory) throw error;
    await makeDirectories(parent, root);
    await mkdir(directory);
  }
};
