import { expect } from 'chai';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/** Compares a text with test/fixtures/<name>. UPDATE_GOLDEN=1 writes the file instead: look at the difference before committing. */
export const expectGolden = async (text: string, name: string): Promise<void> => {
  const path = resolve('test/fixtures', name);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  expect(text).to.equal(await readFile(path, 'utf8'));
};
