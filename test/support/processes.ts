import { readdirSync, readFileSync } from 'node:fs';

/** The pids whose command line has all of `words`; zombies have none. */
export const processesWith = (...words: readonly string[]): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.every((word) => argv.includes(word));
      } catch {
        return false;
      }
    })
    .map(Number);
