import { readFileSync } from 'node:fs';

/** A recorded output of a tool. */
export const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/${name}`, import.meta.url), 'utf8');
