import { readdirSync, readFileSync } from 'node:fs';

/** Supervisors of jobs have the job's command line within theirs. */
const supervisor = 'kvm4nfv-job';

/** The pids whose command line has all of `words`, supervisors of jobs only when they are asked for; zombies have none. */
export const processesWith = (...words: readonly string[]): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words.every((word) => argv.includes(word)) && argv.includes(supervisor) === words.includes(supervisor);
      } catch {
        return false;
      }
    })
    .map(Number);
