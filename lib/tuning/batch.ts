import { randomBytes } from 'node:crypto';
import { Kvm4nfvError } from '../error.js';
import type { ExecResult, Host } from '../host/host.js';
import { assertTrusted } from '../host/trust.js';
import { batchScript } from './batch-script.js';
import { journalOf, runOfJournal } from './journal.js';
import { complaint } from './refusal.js';
import { keyOf, type CommandOutput, type Request, type Snapshot } from './reading.js';

/** One change of a host. */
export type Action =
  | { readonly kind: 'write'; readonly path: string; readonly text: string }
  | { readonly kind: 'install'; readonly path: string; readonly text: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'rmdir'; readonly path: string }
  | { readonly kind: 'run'; readonly argv: readonly string[] };

export interface Batch {
  /** The journal file on the host of what is changed, or put back. */
  readonly journal?: string;
  /** End a batch of the same run that a dead controller left running, once the command it is at has ended. */
  readonly quiesce?: boolean;
  /** Lines for the journal; on disk before the first action. */
  readonly record?: readonly string[];
  readonly actions?: readonly Action[];
  /** Read after the actions. */
  readonly requests?: readonly Request[];
}

export interface Outcome {
  readonly status: number;
  readonly said: string;
}

export interface BatchResult {
  /** One for each action. */
  readonly outcomes: readonly Outcome[];
  readonly snapshot: Snapshot;
}

const word = /^[A-Za-z0-9_./:,*?=+@%~^#[\]{}()!&;<>|$'"`-]+$/;
const plainWord = (value: string): string => {
  if (word.test(value)) return value;
  throw new Kvm4nfvError(
    'internal',
    `a path of a tuning batch may not hold blanks or control characters: ${JSON.stringify(value)}`,
  );
};

/** For `printf %b`, free of blanks: bytes that a line of words can't hold become `\0ooo`. */
export const escapeText = (value: string): string =>
  Array.from(Buffer.from(value, 'utf8'), (byte) =>
    byte > 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : `\\0${byte.toString(8).padStart(3, '0')}`,
  ).join('') || '\\c';

const encodeAction = (action: Action, index: number): string => {
  const number = String(index);
  switch (action.kind) {
    case 'write':
      return `w ${number} ${plainWord(action.path)} ${escapeText(action.text)}`;
    case 'install':
      return `d ${number} ${plainWord(action.path)} ${escapeText(action.text)}`;
    case 'remove':
      return `r ${number} ${plainWord(action.path)}`;
    case 'mkdir':
      return `k ${number} ${plainWord(action.path)}`;
    case 'rmdir':
      return `K ${number} ${plainWord(action.path)}`;
    case 'run':
      return `x ${number} ${action.argv.map(escapeText).join(' ')}`;
  }
};

const encodeRequest = (request: Request, index: number): string => {
  switch (request.kind) {
    case 'files':
      return `g ${plainWord(request.glob)}`;
    case 'names':
      return `n ${plainWord(request.glob)}`;
    case 'text':
      return `t ${plainWord(request.path)}`;
    case 'link':
      return `l ${plainWord(request.path)}`;
    case 'command':
      return `c ${String(index)} ${request.argv.map(escapeText).join(' ')}`;
  }
};

const unique = (requests: readonly Request[]): Request[] => [
  ...new Map(requests.map((request) => [keyOf(request), request])).values(),
];

export const encodeBatch = (batch: Batch): string => {
  const requests = unique(batch.requests ?? []).map(encodeRequest);
  const isGlob = (entry: string): boolean => entry.startsWith('g ');
  const lines = [
    ...(batch.quiesce === true ? ['q'] : []),
    ...(batch.record ?? []).map((entry) => `j ${escapeText(entry)}`),
    ...((batch.record ?? []).length > 0 ? ['s'] : []),
    ...(batch.actions ?? []).map(encodeAction),
    ...requests.filter((entry) => !isGlob(entry)),
    ...requests.filter(isGlob),
  ];
  return lines.map((entry) => `${entry}\n`).join('');
};

const linesByPath = (body: string, seen: Map<string, string>): void => {
  for (const entry of body.split('\n')) {
    const mark = entry.indexOf('\0');
    if (mark < 0) continue;
    const path = entry.slice(0, mark);
    const before = seen.get(path);
    if (before !== undefined) seen.set(path, `${before}${entry.slice(mark + 1)}\n`);
  }
};

/** Reads what the script printed; pure. */
export const parseBatch = (stdout: string, token: string, batch: Batch): BatchResult => {
  const asked = unique(batch.requests ?? []);
  const outcomes: Outcome[] = [];
  const seen = new Map<string, string>();
  const named = new Set<string>();
  const texts = new Map<string, string>();
  const links = new Map<string, string>();
  const commands = new Map<string, CommandOutput>();
  let output = '';
  let counted: number | undefined;
  const readers: Readonly<Record<string, (first: string, body: string, second: string) => void>> = {
    r: (number, said, status) => {
      outcomes[Number(number)] = { status: Number(status), said: complaint(said) };
    },
    n: (path) => named.add(path),
    t: (path, content) => texts.set(path, content),
    l: (path, target) => links.set(path, target.trim()),
    f: (path) => seen.set(path, ''),
    c: (_, content) => {
      output = content;
    },
    e: (number, _, status) => {
      const request = asked[Number(number)];
      if (request !== undefined) commands.set(keyOf(request), { exitCode: Number(status), stdout: output });
    },
    F: (_, content) => {
      linesByPath(content, seen);
    },
    z: (count) => {
      counted = Number(count);
    },
  };
  for (const section of stdout.split(`\n${token} `).slice(1)) {
    const end = section.indexOf('\n');
    const head = end < 0 ? section : section.slice(0, end);
    const body = end < 0 ? '' : section.slice(end + 1);
    const [verb = '', first = '', second = ''] = head.split(' ');
    readers[verb]?.(first, body, second);
  }
  const wanted = batch.actions?.length ?? 0;
  const answered = Object.keys(outcomes).length;
  if (counted !== seen.size || answered !== wanted)
    throw new Kvm4nfvError(
      'E_TUNING_SCRIPT',
      `the tuning script ended early: ${String(answered)} of ${String(wanted)} changes answered, ${String(seen.size)} of ${String(counted ?? 'an unknown number of')} files read`,
    );
  return { outcomes, snapshot: { files: seen, names: named, texts, links, commands } };
};

const refusals: Readonly<Record<number, string>> = {
  90: 'the journal could not be written, so nothing was changed',
  91: 'an earlier batch of the same run, or a command of it, does not end',
  94: 'the files of the kernel could not be read to the end',
  93: 'the run does not hold the lease of the host, so nothing was changed',
  92: 'the script did not understand its input',
  143: 'it was ended from outside',
};

/** A big host (512 CPUs, 4,300 interrupts) shows some 20 MB; what is cut would be taken for what is not there. */
const maxOutput = 128 * 1024 * 1024;

const reasonOf = ({ exitCode, signal, stderr }: ExecResult): string =>
  [`(${signal ?? `exit ${String(exitCode)}`})`, refusals[exitCode ?? -1], complaint(stderr)]
    .filter((part) => part !== undefined && part !== '')
    .join(': ');

/** Does everything in one round trip. Fails with `environment` when the script could not run to its end. */
export const runBatch = async (host: Host, batch: Batch, signal?: AbortSignal): Promise<BatchResult> => {
  const token = `=${randomBytes(12).toString('hex')}=`;
  // By this name a later restore finds, and ends, a batch that changes things for a dead controller; others do no harm.
  const changes = [...(batch.record ?? []), ...(batch.actions ?? [])].length > 0;
  const name = changes ? 'kvm4nfv-batch' : 'kvm4nfv-look';
  const { journal } = batch;
  const names =
    journal === undefined
      ? ['-']
      : [journal, journalOf(runOfJournal(journal), journal.slice(0, journal.lastIndexOf('/journal/')))];
  const result = await host.exec(['sh', '-c', batchScript, name, token, ...names], {
    stdin: encodeBatch(batch),
    root: true,
    check: false,
    timeout: 300_000,
    maxOutput,
    ...(signal === undefined ? {} : { signal }),
  });
  assertTrusted(host.name, result);
  if (result.exitCode !== 0)
    throw new Kvm4nfvError('E_TUNING_SCRIPT', `${host.name}: the tuning script failed ${reasonOf(result)}`, {
      hint: 'Tuning needs root (or sudo without a password) and a writable /var/lib/kvm4nfv on the host.',
    });
  if (result.dropped > 0)
    throw new Kvm4nfvError(
      'E_TUNING_SCRIPT',
      `${host.name}: what the host shows is ${String(result.dropped)} bytes longer than the ${String(maxOutput)} that are read`,
    );
  return parseBatch(result.stdout, token, batch);
};
