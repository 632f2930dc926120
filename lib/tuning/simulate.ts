import type { SimulatedCommand, SimulatedHost, SimulatedOutcome } from '../host/simulated.js';
import { UnreachableError } from '../host/host.js';
import { messageOf } from '../error.js';
import { batchScript } from './batch-script.js';
import { sourceGrub, sourcesGrub } from './boot/simulated-shell.js';
import { dropScript, readScript, takeScript } from './lease.js';

export interface SimulatedTuning {
  /** The connection is lost before this change (counted from 0 over the life of the host), and no later one is made. */
  dieBefore: number | undefined;
  /** Changes made so far. */
  changes: number;
  /** Round trips so far. */
  trips: number;
}

export interface SimulateTuningOptions {
  /** What the kernel shows in a directory once it is made, by the directory and the names in it: a control group, say. Gone with it. */
  readonly directories?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const unescape = (text: string): string =>
  text === '\\c'
    ? ''
    : Buffer.from(
        text.replaceAll(/\\0([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
        'latin1',
      ).toString('utf8');

const globPattern = (glob: string): RegExp =>
  new RegExp(
    `^${glob
      .replaceAll(/[.+^$(){}|\\]/g, String.raw`\$&`)
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')}$`,
  );

interface World {
  readonly directories: Set<string>;
  readonly contents: NonNullable<SimulateTuningOptions['directories']>;
  readonly state: SimulatedTuning;
}

/** Runs the lines of one batch on the files of a simulated host, and answers as the script does. */
class SimulatedBatch {
  readonly #host: SimulatedHost;
  readonly #directories: Set<string>;
  readonly #contents: NonNullable<SimulateTuningOptions['directories']>;
  readonly #state: SimulatedTuning;
  readonly #token: string;
  readonly #journal: string;
  #output = '';

  constructor(host: SimulatedHost, { directories, contents, state }: World, argv: readonly string[]) {
    this.#host = host;
    this.#directories = directories;
    this.#contents = contents;
    this.#state = state;
    this.#token = argv[4] ?? '';
    this.#journal = argv[5] ?? '-';
  }

  async run(input: string): Promise<SimulatedOutcome> {
    const globs: string[] = [];
    for (const entry of input.split('\n').filter((text) => text !== '')) {
      const [verb = '', ...words] = entry.split(' ');
      if (verb === 'g') globs.push(words[0] ?? '');
      else await this.#line(verb, words);
    }
    const paths = [...new Set(globs.flatMap((glob) => this.#matching(glob)))].filter((path) =>
      this.#host.files.has(path),
    );
    for (const path of paths) this.#print(`f ${path}`);
    const lines = paths.flatMap((path) =>
      (this.#host.files.get(path) ?? '')
        .replace(/\n$/, '')
        .split('\n')
        .map((text) => `${path}\0${text}`),
    );
    return {
      stdout: `${this.#output}\n${this.#token} F\n${lines.join('\n')}\n\n${this.#token} z ${String(paths.length)}\n`,
    };
  }

  #print(head: string, body?: string): void {
    this.#output += `\n${this.#token} ${head}${body === undefined ? '' : `\n${body}`}`;
  }

  #matching(glob: string): string[] {
    const pattern = globPattern(glob);
    return [...this.#host.files.keys(), ...this.#directories].filter((path) => pattern.test(path));
  }

  async #line(verb: string, words: readonly string[]): Promise<void> {
    const [first = '', ...rest] = words;
    if (verb === 'j')
      this.#host.files.set(this.#journal, `${this.#host.files.get(this.#journal) ?? ''}${unescape(first)}\n`);
    else if (verb === 'n') for (const path of this.#named(first)) this.#print(`n ${path}`);
    else if (verb === 't')
      for (const path of this.#matching(first)) this.#print(`t ${path}`, this.#host.files.get(path) ?? '');
    else if (verb === 'l' && this.#host.files.has(first)) this.#print(`l ${first}`, this.#host.files.get(first) ?? '');
    else if (verb === 'c') await this.#command(first, rest);
    else if ('wdrkKx'.includes(verb)) await this.#change(verb, first, rest);
  }

  /** A directory is there when something is in it. */
  #named(glob: string): string[] {
    const pattern = globPattern(glob);
    const parents = [...this.#host.files.keys()].flatMap((path) =>
      path.split('/').map((_, index, parts) => parts.slice(0, index).join('/')),
    );
    return [...new Set([...this.#matching(glob), ...parents.filter((path) => pattern.test(path))])];
  }

  async #command(number: string, words: readonly string[]): Promise<void> {
    const { exitCode, stdout } = await this.#host.exec(words.map(unescape), { check: false });
    this.#print(`c ${number}`, stdout);
    this.#print(`e ${number} ${String(exitCode ?? 143)}`);
  }

  #make(path: string): void {
    this.#directories.add(path);
    for (const [name, content] of Object.entries(this.#contents[path] ?? {}))
      this.#host.files.set(`${path}/${name}`, content);
  }

  #remove(path: string): void {
    this.#directories.delete(path);
    for (const name of Object.keys(this.#contents[path] ?? {})) this.#host.files.delete(`${path}/${name}`);
  }

  async #change(verb: string, number: string, [path = '', text = '', ...more]: readonly string[]): Promise<void> {
    if (this.#state.changes === this.#state.dieBefore) throw new UnreachableError('the controller was killed');
    this.#state.changes++;
    const { files } = this.#host;
    let status = 0;
    let said = '';
    try {
      if (verb === 'w' && !files.has(path)) [status, said] = [2, 'no such file'];
      else if (verb === 'w' || verb === 'd') await this.#host.write(path, unescape(text));
      else if (verb === 'r') files.delete(path);
      else if (verb === 'k') this.#make(path);
      else if (verb === 'K') this.#remove(path);
      else {
        const result = await this.#host.exec([path, text, ...more].filter((word) => word !== '').map(unescape), {
          check: false,
        });
        [status, said] = [result.exitCode ?? 143, result.stderr];
      }
    } catch (error) {
      [status, said] = [1, `cat: write error: ${messageOf(error).replace(/^.*? refused: /s, '')}`];
    }
    this.#print(`r ${number} ${String(status)}`, said);
  }
}

/**
 * Lets a simulated host understand what tuning runs on a host: pass the result's `commands` to it. For tests of knobs
 * and profiles; `state` counts changes and round trips, and can break the connection in the middle.
 */
export const simulateTuning = (
  host: () => SimulatedHost,
  { directories: contents = {} }: SimulateTuningOptions = {},
): { readonly commands: Readonly<Record<string, SimulatedCommand>>; readonly state: SimulatedTuning } => {
  const directories = new Set<string>();
  const state: SimulatedTuning = { dieBefore: undefined, changes: 0, trips: 0 };
  const sh: SimulatedCommand = async (argv, options) => {
    const { files } = host();
    const [, , script, , path = '', expected] = argv;
    const stdin = typeof options.stdin === 'string' ? options.stdin : '';
    if (sourcesGrub(argv)) return sourceGrub(host(), argv);
    state.trips++;
    if (script === batchScript) return new SimulatedBatch(host(), { directories, contents, state }, argv).run(stdin);
    if (script === readScript) return files.get(path) ?? '';
    if (script === takeScript) {
      if (files.has(path)) return { exitCode: 3, stdout: files.get(path) ?? '' };
      files.set(path, stdin);
      return '';
    }
    if (script === dropScript) {
      if (files.get(path)?.trimEnd() === expected) files.delete(path);
      return '';
    }
    return { exitCode: 127, stderr: 'sh: a script that the simulated host does not know\n' };
  };
  return { commands: { sh }, state };
};
