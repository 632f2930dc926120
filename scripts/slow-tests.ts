import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const test = join(import.meta.dirname, '../test');
const slow = join(test, 'support/slow.ts');

/** Whether a file of test/ imports what makes tests slow, itself or through others there. */
export const isSlow = (file: string, seen = new Set<string>()): boolean => {
  if (file === slow) return true;
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const imports = readFileSync(file, 'utf8').matchAll(/^(?:import|export|\}) ?(?:[^']*from )?'(\.[^']+)\.js';$/gm);
  return [...imports]
    .map(([, path = '']) => `${resolve(dirname(file), path)}.ts`)
    .filter((path) => path.startsWith(`${test}/`))
    .some((path) => isSlow(path, seen));
};
