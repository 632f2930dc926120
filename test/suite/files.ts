import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SuiteError } from '../../lib/suite/suite-error.js';
import { loadSuite, type LoadedSuite, type LoadOptions } from '../../lib/suite/load.js';
import { registry } from './registry.js';

/** Runs `body` with a directory of these files. */
export const withFiles = async <T>(
  files: Readonly<Record<string, string | Uint8Array>>,
  body: (directory: string) => Promise<T>,
): Promise<T> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-suite-'));
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
};

export const load = (text: string, options: Partial<LoadOptions> = {}): Promise<LoadedSuite> =>
  withFiles({ 'suite.yaml': text }, (directory) =>
    loadSuite(join(directory, 'suite.yaml'), { registry: registry(), env: {}, ...options }),
  );

/** What loading says is wrong, without the directory's name; anything but a {@link SuiteError} is thrown. */
export const mistakes = async (directory: string, options: Partial<LoadOptions> = {}): Promise<string> => {
  try {
    await loadSuite(join(directory, 'suite.yaml'), { registry: registry(), env: {}, ...options });
    return '';
  } catch (error) {
    if (error instanceof SuiteError) return `${error.message.replaceAll(`${directory}/`, '')}\n`;
    throw error;
  }
};

export const mistakesIn = (text: string | Uint8Array, options: Partial<LoadOptions> = {}): Promise<string> =>
  withFiles({ 'suite.yaml': text }, (directory) => mistakes(directory, options));
