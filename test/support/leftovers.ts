import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

/** In the environment of all that this run of the tests starts: other runs on the same machine have another. */
const markName = 'KVM4NFV_TESTS';
const mark = `${markName}=${randomUUID()}`;

/** Directories whose entries each belong to a run of ours. */
const shared = ['/run/kvm4nfv', '/var/tmp/kvm4nfv', '/var/lib/kvm4nfv', '/run/lock/kvm4nfv', '/run/netns'];

const listed = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory).map((name) => join(directory, name));
  } catch {
    return [];
  }
};

interface Process {
  readonly pid: string;
  readonly argv: string;
  readonly environment: string;
}

const processes = (): readonly Process[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const [argv, environment] = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8'));
        return [{ pid, argv: (argv ?? '').replaceAll('\0', ' ').trim(), environment: environment ?? '' }];
      } catch {
        return [];
      }
    })
    // Zombies have no command line; esbuild serves the loader of the tests.
    .filter(({ argv }) => argv !== '' && !argv.includes('esbuild'));

const mounts = (): readonly string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place.includes('kvm4nfv'));

/** What there is in the places that all runs on this machine share. */
export const sharedNow = (): readonly string[] => [
  ...shared.flatMap(listed),
  ...mounts().map((place) => `mount ${place}`),
];

/** Who has started us has `mocha` on its command line too. */
const ancestors = ((): ReadonlySet<string> => {
  const found = new Set<string>();
  for (let pid = String(process.ppid); pid !== '0' && pid !== '';) {
    found.add(pid);
    pid = /^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '';
  }
  return found;
})();

/** All that is there of ours now, in words. Where somebody else tests on the same machine, what all share may be theirs. */
const present = (directory: string): ReadonlySet<string> => {
  const all = processes();
  const isAlone = !all.some(({ pid, argv }) => argv.includes('mocha') && !ancestors.has(pid));
  return new Set([
    ...all
      .filter(({ environment }) => environment.includes(mark))
      .map(({ pid, argv }) => `process ${pid}: ${argv.slice(0, 120)}`),
    ...(isAlone ? sharedNow() : []),
    ...listed(directory),
  ]);
};

const pause = (milliseconds: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
};

/** Where the loader of TypeScript keeps what it has translated: without it each controller that a test starts does it again. */
const shareCache = (directory: string): void => {
  const cache = `tsx-${String(userInfo().uid)}`;
  mkdirSync(join(tmpdir(), cache), { recursive: true });
  symlinkSync(join(tmpdir(), cache), join(directory, cache));
};

export interface Leftover {
  readonly what: string;
  /** The file of tests after which it was there first. */
  readonly file: string;
}

/**
 * Tells what tests leave on the machine: processes, directories, mounts, network namespaces. The files of the tests have a
 * temporary directory of their own, so that everything in it is theirs.
 */
export class Leftovers {
  readonly #directory: string;
  readonly #before: ReadonlySet<string>;
  readonly #found = new Map<string, string>();

  constructor() {
    process.env[markName] = mark.slice(markName.length + 1);
    this.#directory = mkdtempSync(join(tmpdir(), 'k4-'));
    // As /tmp is: some tests are other users.
    chmodSync(this.#directory, 0o1777);
    shareCache(this.#directory);
    process.env['TMPDIR'] = this.#directory;
    this.#before = new Set([...present(this.#directory), ...sharedNow()]);
  }

  /** Takes note of what is there after a file of tests and was not before it. */
  look(file: string): void {
    for (const what of present(this.#directory))
      if (!this.#before.has(what) && !this.#found.has(what)) this.#found.set(what, file);
  }

  /** What is there of that in the end: some things take a moment to go. Removes the temporary directory. */
  left(patience = 5000): readonly Leftover[] {
    const until = performance.now() + patience;
    let left: readonly Leftover[] = [];
    do {
      const now = present(this.#directory);
      left = [...this.#found].filter(([what]) => now.has(what)).map(([what, file]) => ({ what, file }));
      if (left.length === 0) break;
      pause(100);
    } while (performance.now() < until);
    rmSync(this.#directory, { recursive: true, force: true });
    return left;
  }
}
