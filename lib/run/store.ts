import { createReadStream } from 'node:fs';
import { appendFile, mkdir, open, rename, stat, writeFile, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { makeDirectories } from './directory.js';
import { Redactor } from './redact.js';
import { redactFiles } from './redact-files.js';
import { redactTree } from './redact-tree.js';
import { fileProblem, Kvm4nfvError, messageOf } from '../error.js';
import { printableJson } from '../printable.js';
import { bodySchema, type EventBody, type RunEvent } from './event.js';
import type { Result } from './result.js';

export const eventsFile = 'events.ndjson';
export const resultFile = 'result.json';

const storeError = (what: string, error: unknown): Kvm4nfvError =>
  new Kvm4nfvError('E_RESULTS', `${what}: ${fileProblem(error)}`, {
    hint: 'free some space there or give another directory with --output',
    cause: error,
  });

export interface StoreOptions {
  /** Told of every event after it is on disk. */
  readonly listener?: (event: RunEvent) => void;
  /** Values that are written as `[redacted]`. */
  readonly secrets?: readonly string[];
}

/** The directory of one run: `events.ndjson` is appended to and fsynced, so what was measured survives our death. */
export class RunStore implements AsyncDisposable {
  readonly directory: string;
  readonly #events: FileHandle;
  readonly #listener: (event: RunEvent) => void;
  /** Takes the suite's secrets out of what is written. */
  readonly hide: Redactor;
  #sequence = 0;
  #failure: Kvm4nfvError | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(
    directory: string,
    events: FileHandle,
    { listener = () => undefined, secrets = [] }: StoreOptions,
  ) {
    this.directory = directory;
    this.#events = events;
    this.#listener = listener;
    this.hide = new Redactor(secrets, { kept: path.basename(directory) });
  }

  /** Makes `<results>/<runId>`, which must not exist yet: two runs never share one. */
  static async create(results: string, runId: string, options: StoreOptions = {}): Promise<RunStore> {
    let directory = path.join(results, runId);
    try {
      // Once and for all: the working directory may be removed.
      directory = path.resolve(directory);
      await makeDirectories(path.dirname(directory));
      await mkdir(directory);
      return new RunStore(directory, await open(path.join(directory, eventsFile), 'ax'), options);
    } catch (error) {
      throw storeError(`can't make the run's directory ${directory}`, error);
    }
  }

  /** Resolves when the event is on disk. Events get on disk in the order of the calls. */
  append(body: EventBody): Promise<void> {
    const shown = redactTree(bodySchema, body, this.hide);
    const line = printableJson(JSON.stringify({ seq: this.#sequence++, at: new Date().toISOString(), ...shown }));
    const event = JSON.parse(line) as RunEvent;
    const written = this.#writing.then(async () => {
      try {
        await this.#assertThere();
        await this.#events.appendFile(`${line}\n`);
        await this.#events.datasync();
      } catch (error) {
        this.#failure ??= storeError(`can't write ${path.join(this.directory, eventsFile)}`, error);
        throw this.#failure;
      }
      this.#listener(event);
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  /** A file that was removed can still be written, and nobody will ever read it. */
  async #assertThere(): Promise<void> {
    const [named, ours] = await Promise.all([stat(path.join(this.directory, eventsFile)), this.#events.stat()]);
    if (named.ino !== ours.ino || named.dev !== ours.dev) throw new Error('it was replaced while the run was going on');
  }

  /** Why an event could not be written, where one could not: there is no result then. */
  get failure(): Kvm4nfvError | undefined {
    return this.#failure;
  }

  /** As `append`, for those who put things back: that goes on whether it can be recorded or not. */
  async appendIfPossible(body: EventBody): Promise<void> {
    await this.append(body).catch(() => undefined);
  }

  async writeResult(result: Result): Promise<void> {
    await this.writeFile(resultFile, `${printableJson(JSON.stringify(result, undefined, 2))}\n`);
  }

  /** Writes a whole file of the run, by way of a temporary name: it is there whole or not at all. */
  async writeFile(name: string, text: string | Uint8Array): Promise<void> {
    const target = path.join(this.directory, name);
    try {
      await makeDirectories(path.dirname(target), this.directory);
      await writeFile(`${target}.part`, text, { flush: true });
      await rename(`${target}.part`, target);
    } catch (error) {
      throw storeError(`can't write ${target}`, error);
    }
  }

  async appendText(name: string, text: string): Promise<void> {
    const target = path.join(this.directory, name);
    try {
      await appendFile(target, text, { flush: true });
    } catch (error) {
      throw storeError(`can't write ${target}`, error);
    }
  }

  /** Takes secrets out of the files of tools and machines in a directory of the run, which need not be there. */
  async redact(directory: string): Promise<void> {
    try {
      await redactFiles(path.join(this.directory, directory), this.hide);
    } catch (error) {
      throw storeError(`can't take secrets out of the files in ${path.join(this.directory, directory)}`, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    await this.#events.close();
  }
}

/** Reads the events of a run one by one. A last line that was cut short by a crash is left out. */
export async function* readEvents(directory: string): AsyncGenerator<RunEvent> {
  const file = path.join(directory, eventsFile);
  let held: string | undefined;
  let number = 0;
  const parse = (line: string): RunEvent => {
    try {
      return JSON.parse(line) as RunEvent;
    } catch (error) {
      throw new Kvm4nfvError('E_EVENTS', `${file}:${String(number)}: not a JSON object: ${messageOf(error)}`);
    }
  };
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      if (held !== undefined) yield parse(held);
      held = line;
      number += 1;
    }
  } catch (error) {
    if (Kvm4nfvError.is(error)) throw error;
    throw new Kvm4nfvError('E_NO_RUN', `can't read ${file}: ${fileProblem(error)}`, {
      hint: 'name the directory of a run, such as results/<run-id>',
    });
  }
  if (held === undefined || held === '') return;
  try {
    yield JSON.parse(held) as RunEvent;
  } catch {
    return;
  }
}
