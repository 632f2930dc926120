import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Kvm4nfvError, messageOf } from '../../error.js';
import { aborted } from '../command.js';
import type { HostSpec } from '../spec.js';

/** What `ssh -G` says of a host, by keyword. */
export class SshConfig {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** Whether there is an ssh that said something. */
  get known(): boolean {
    return this.#values.size > 0;
  }

  /** The first value of a keyword; undefined also for `none`. */
  one(keyword: string): string | undefined {
    const value = this.#values.get(keyword)?.[0];
    return value === undefined || value === 'none' || value === '' ? undefined : value;
  }

  /** Whether somebody said `none`. */
  refuses(keyword: string): boolean {
    return this.#values.get(keyword)?.[0] === 'none';
  }

  all(keyword: string): readonly string[] {
    return (this.#values.get(keyword) ?? []).filter((value) => value !== 'none');
  }

  /** A value that is a list with commas; undefined where nothing is said. */
  list(keyword: string): readonly string[] | undefined {
    return this.one(keyword)?.split(',');
  }

  is(keyword: string, ...values: readonly string[]): boolean {
    return values.includes(this.one(keyword) ?? 'none');
  }
}

/** Reads what `ssh -G` prints: `keyword value` lines, some of them repeated. */
export const parseSshConfig = (text: string): ReadonlyMap<string, readonly string[]> => {
  const values = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^(\S+) (.*)$/.exec(line.trim()) ?? [];
    if (key === undefined || value === undefined) continue;
    const before = values.get(key);
    if (before === undefined) values.set(key, [value]);
    else before.push(value);
  }
  return values;
};

/** What `ssh -G` said, by its arguments: it takes 10 ms, and a suite may have many hosts behind one address, or one jump host. */
const answers = new Map<string, SshConfig>();

export interface ResolveOptions {
  /** In the place of the user's ssh_config. */
  readonly configFile?: string;
  readonly signal?: AbortSignal;
}

/** The words that make `ssh` mean this host. */
export const destination = (
  { address, port, user }: HostSpec & { readonly address: string },
  configFile: string | undefined,
): readonly string[] => [
  ...(configFile === undefined ? [] : ['-F', configFile]),
  ...(port === undefined ? [] : ['-p', String(port)]),
  ...(user === undefined ? [] : ['-l', user]),
  '--',
  address,
];

const ask = async (args: readonly string[], signal: AbortSignal | undefined): Promise<SshConfig> => {
  const { stdout } = await promisify(execFile)('ssh', args, { timeout: 10_000, signal });
  return new SshConfig(parseSshConfig(stdout));
};

/** The effective ssh_config for a host, with its aliases, `Match` and `Include`; empty where there is no ssh. */
export const effectiveConfig = async (
  spec: HostSpec & { readonly address: string },
  { configFile, signal }: ResolveOptions,
): Promise<SshConfig> => {
  const args = ['-G', ...destination(spec, configFile)];
  const key = JSON.stringify(args);
  try {
    const config = answers.get(key) ?? (await ask(args, signal));
    answers.set(key, config);
    return config;
  } catch (error) {
    if (signal?.aborted === true) throw aborted(`${spec.address}: reading ssh_config`, signal);
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new SshConfig(new Map());
    throw new Kvm4nfvError('E_SSH_CONFIG', `ssh_config can't be read for ${spec.address}: ${messageOf(error)}`, {
      cause: error,
      hint: `see what 'ssh -G ${spec.address}' says`,
    });
  }
};
