import path from 'node:path';
import { Kvm4nfvError, messageOf } from '../error.js';
import { downloadFiles } from '../host/files.js';
import { HostFileError, type Fetched, type FileOptions, type Host, type Job } from '../host/host.js';
import { maxRaw } from '../host/limits.js';
import { makeDirectories } from './directory.js';
import type { KeepOptions } from './scenario.js';

interface StartedJob {
  readonly job: Job;
  /** Its files are root's as well. */
  readonly root: boolean;
}

/** Milliseconds for output that is fetched when the run has been interrupted. */
const afterInterruption = 10_000;

/** Runs `body` with a signal that follows another one later, so that what it needs little time for still comes. */
const withGrace = async <T>(signal: AbortSignal, body: (later: AbortSignal) => Promise<T>): Promise<T> => {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => {
      over.abort(signal.reason);
    }, afterInterruption);
  };
  signal.addEventListener('abort', begin, { once: true });
  if (signal.aborted) begin();
  try {
    return await body(over.signal);
  } finally {
    signal.removeEventListener('abort', begin);
    clearTimeout(timer);
  }
};

/** What the jobs of a trial wrote, fetched into a directory of this machine. No file of it is larger than its limit. */
export class RawFiles {
  readonly #host: Host;
  readonly #root: string;
  readonly #directory: string;
  readonly #signal: AbortSignal;
  readonly #jobs: StartedJob[] = [];
  readonly #kept = new Set<string>();
  readonly #cut: string[] = [];
  readonly #lost: { readonly what: string; readonly error: unknown }[] = [];

  /** `root`: the run's directory, which is not made anew once it is gone. */
  constructor(host: Host, place: { readonly root: string; readonly directory: string }, signal: AbortSignal) {
    this.#host = host;
    this.#root = place.root;
    this.#directory = place.directory;
    this.#signal = signal;
  }

  /** A job whose output is to be kept; gives what keeps it, which never fails. */
  add(job: Job, root: boolean): () => Promise<void> {
    const started = { job, root };
    const number = this.#jobs.push(started) - 1;
    return () => this.#keepOutput(started, number === 0 ? '' : `-${String(number)}`);
  }

  get jobs(): number {
    return this.#jobs.length;
  }

  /** For the notes of the trial: files that are not whole. */
  get notes(): { readonly cut?: string } {
    return this.#cut.length === 0 ? {} : { cut: this.#cut.join('; ') };
  }

  /** Output that could not be kept, and why. */
  get lost(): readonly { readonly what: string; readonly error: unknown }[] {
    return this.#lost;
  }

  /** Keeps a file under a name; gives its path. Fault `tool` where it is larger than `limit`, of which its first and last half is kept. */
  async keep(remote: string, as: string, options?: KeepOptions): Promise<string> {
    const [local = ''] = await this.keepAll([options === undefined ? [remote, as] : [remote, as, options]]);
    return local;
  }

  /** The same of several files of one job, in one round trip: none is kept where one can't be. */
  async keepAll(
    files: readonly (readonly [remote: string, as: string, options?: KeepOptions])[],
  ): Promise<readonly string[]> {
    await makeDirectories(this.#directory, this.#root);
    const places = files.map(([remote, as]) => [remote, path.join(this.#directory, path.basename(as))] as const);
    const owner = this.#jobs.find(({ job }) => places.every(([remote]) => remote.startsWith(`${job.directory}/`)));
    const within = owner === undefined ? {} : { within: owner.job.directory };
    const limit = Math.max(...files.map(([, , options]) => options?.limit ?? maxRaw));
    const options = { root: owner?.root ?? false, signal: this.#signal, limit, cut: true, ...within };
    const fetched = await downloadFiles(this.#host, places, options);
    for (const [index, [remote, , { cut = false } = {}]] of files.entries()) {
      this.#kept.add(remote);
      const [, local = ''] = places[index] ?? [];
      const words = this.#note(local, fetched[index] ?? { size: 0, taken: 0 });
      if (words !== undefined && !cut)
        throw new Kvm4nfvError('E_ANSWER', `${this.#host.name}: ${remote}: ${words}`, {
          hint: 'see what it wrote there; it is no result as it is',
        });
    }
    return places.map(([, local]) => local);
  }

  /** In words what of a file was taken, where that is not all. */
  #note(local: string, { size, taken }: Fetched): string | undefined {
    if (taken === size) return undefined;
    const words = `${String(size)} bytes were written, of which the first and the last ${String(taken / 2)} are kept`;
    this.#cut.push(`${path.basename(local)}: ${words}`);
    return words;
  }

  async #keepOutput({ job, root }: StartedJob, suffix: string): Promise<void> {
    const files = ['stdout', 'stderr']
      .map((stream) => [`${job.directory}/${stream}`, path.join(this.#directory, `${stream}${suffix}.txt`)] as const)
      .filter(([remote]) => !this.#kept.has(remote));
    if (files.length === 0) return;
    try {
      await makeDirectories(this.#directory, this.#root);
      await withGrace(this.#signal, (signal) =>
        this.#fetch(job, files, { root, signal, limit: maxRaw, cut: true, within: job.directory }),
      );
    } catch (error) {
      this.#lost.push({ what: `output of ${job.name}`, error });
    }
  }

  async #fetch(job: Job, files: readonly (readonly [string, string])[], options: FileOptions): Promise<void> {
    const note = (local: string, fetched: Fetched | undefined): void => {
      if (fetched !== undefined) this.#note(local, fetched);
    };
    try {
      const all = await downloadFiles(job.host, files, options);
      files.forEach(([, local], index) => {
        note(local, all[index]);
      });
    } catch (error) {
      // One of them is not what it should be: the others are kept all the same.
      if (!(error instanceof HostFileError) || files.length === 1) throw error;
      const others = files.filter(([remote]) => remote !== error.path);
      if (others.length < files.length) await this.#fetch(job, others, options);
      throw error;
    }
  }
}

/** In words what could not be kept. */
export const lostWords = ({ what, error }: RawFiles['lost'][number]): string => `${what}: ${messageOf(error)}`;
