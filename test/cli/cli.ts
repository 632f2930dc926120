import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { RunEvent } from '../../lib/run/event.js';
import type { Result } from '../../lib/run/result.js';
import { begin } from '../support/begin.js';
import { eventually } from '../support/eventually.js';

export const root = join(import.meta.dirname, '../..');
const binary = join(root, 'dist/kvm4nfv.js');

const newest = (directory: string): number =>
  Math.max(
    0,
    ...readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs),
  );

const build = async (): Promise<void> => {
  const sources = Math.max(...['lib', 'scenarios', 'runners'].map((room) => newest(join(root, room))));
  if (existsSync(binary) && statSync(binary).mtimeMs >= sources) return;
  const child = spawn('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error('the package can not be built: see above');
};

let building: Promise<void> | undefined;

/** The built package, newer than its sources. */
export const built = (): Promise<void> => (building ??= build());

export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Effective user, where root starts it as someone else. */
  readonly uid?: number;
  /** A command that starts it, such as taskset. */
  readonly prefix?: readonly string[];
}

/** The CLI under way. */
export class Cli {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;

  constructor(argv: readonly string[], { cwd = tmpdir(), env = {}, uid, prefix = [] }: CliOptions = {}) {
    const [command = '', ...words] = [...prefix, process.execPath, binary, ...argv];
    this.child = begin(command, words, {
      cwd,
      env: { ...process.env, NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.ended = this.#end();
  }

  async #end(): Promise<Ended> {
    const { stdout, stderr } = this.child;
    if (stdout === null || stderr === null) throw new Error('no pipes');
    const [out, err, [code, signal]] = await Promise.all([
      text(stdout),
      text(stderr),
      once(this.child, 'close') as Promise<[number | null, string | null]>,
    ]);
    return { code, signal, stdout: out, stderr: err };
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }
}

export const cli = (argv: readonly string[], options: CliOptions = {}): Promise<Ended> => new Cli(argv, options).ended;

/** Runs `body` with a directory of its own that is gone afterwards. */
export const inDirectory = async <T>(body: (directory: string) => Promise<T>): Promise<T> => {
  const directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-cli-'));
  try {
    return await body(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
};

/** The names of the runs below `<directory>/results`, oldest first. */
export const runsIn = async (directory: string): Promise<string[]> =>
  (await readdir(join(directory, 'results')).catch(() => [])).sort();

export const eventsIn = async (directory: string, run: string): Promise<RunEvent[]> =>
  (await readFile(join(directory, 'results', run, 'events.ndjson'), 'utf8').catch(() => ''))
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as RunEvent);

export const resultIn = async (directory: string, run: string): Promise<Result> =>
  JSON.parse(await readFile(join(directory, 'results', run, 'result.json'), 'utf8')) as Result;

/** The result of the only run below `directory`. */
export const onlyResult = async (directory: string): Promise<Result> => {
  const [run = 'none', ...others] = await runsIn(directory);
  if (others.length > 0) throw new Error(`more than one run: ${[run, ...others].join(', ')}`);
  return resultIn(directory, run);
};

interface SuiteParts {
  readonly options?: Readonly<Record<string, unknown>>;
  readonly hosts?: Readonly<Record<string, unknown>>;
  readonly host?: string;
  readonly sla?: readonly unknown[];
  readonly load?: unknown;
  readonly runner?: unknown;
}

const quick = { cpus: 0, loops: 300, histogram: '20ms', break: 'none' };

/** A suite of one short test; `options` are put over 300 loops of cyclictest. YAML has all of JSON. */
export const suiteOf = ({ options = {}, hosts, host, sla = [], load, runner }: SuiteParts = {}): string =>
  JSON.stringify({
    suite: 'small',
    ...(hosts === undefined ? {} : { hosts }),
    contexts: { metal: { type: 'bare-metal', ...(host === undefined ? {} : { host }) } },
    tests: [
      {
        name: 'timer',
        scenario: 'timer',
        context: 'metal',
        options: 'duration' in options || 'tool' in options ? { ...options } : { ...quick, ...options },
        sla,
        ...(load === undefined ? {} : { load }),
        ...(runner === undefined ? {} : { runner }),
      },
    ],
  });

/** cyclictest for so long that something happens to it first. */
export const long = { ...quick, loops: 600_000, interval: '1ms' };

export const writeSuite = async (directory: string, suite: string): Promise<string> => {
  const file = join(directory, 'suite.yaml');
  await writeFile(file, suite);
  return file;
};

/** A run of the CLI of which a tool is measuring: cyclictest has its threads. */
export const measuring = async (directory: string): Promise<{ run: string; pid: number; trial: string }> =>
  eventually('the tool to measure', async () => {
    const run = (await runsIn(directory)).at(-1);
    if (run === undefined) return undefined;
    const started = (await eventsIn(directory, run)).findLast((event) => event.type === 'trial-started');
    if (started === undefined) return undefined;
    const pid = Number(await readFile(`/run/kvm4nfv/${run}/${started.trial}-0/pid`, 'utf8').catch(() => '0'));
    const threads = pid === 0 ? [] : await readdir(`/proc/${String(pid)}/task`).catch(() => []);
    return threads.length < 2 ? undefined : { run, pid, trial: started.trial };
  });

/** The processes and the files that a run has on this machine. */
export const leftOf = async (run: string): Promise<string[]> => {
  const left = (await readdir(`/run/kvm4nfv/${run}`, { recursive: true }).catch(() => undefined)) ?? [];
  const files = existsSync(`/run/kvm4nfv/${run}`) ? [`/run/kvm4nfv/${run}`, ...left] : [];
  for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (environment.includes(`KVM4NFV_JOB=${run}/`)) files.push(`process ${name}`);
  }
  return files;
};

/** What every answer of the CLI owes its user, whatever the input was. */
export const stackTrace = /\n\s+at .*[:(]|node:internal|\[object Object\]|undefined|NaN/;

/** A directory of links to all of this machine's tools but one. */
export const pathWithout = async (directory: string, tool: string): Promise<string> => {
  const bin = join(directory, 'bin');
  await mkdir(bin);
  for (const place of ['/usr/bin', '/bin'])
    for (const name of await readdir(place))
      if (name !== tool) await symlink(join(place, name), join(bin, name)).catch(() => undefined);
  return bin;
};
