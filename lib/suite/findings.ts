import type { ErrorCode } from '../error.js';
import { nearest } from '../sla/nearest.js';
import type { Path } from './tree.js';

/** A mistake in plain data: where in it, and what. */
export interface Finding {
  readonly path: Path;
  /** Whether the key or the value at `path` is wrong. Default: the value. */
  readonly at?: 'key' | 'value';
  readonly code: ErrorCode;
  readonly message: string;
  readonly expected?: string;
  readonly hint?: string;
  /** Characters into the text at `path`. */
  readonly offset?: number;
}

/** A value as a message shows it. */
export const show = (value: unknown): string => {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return JSON.stringify(value);
  return value.length > 60 ? `'${value.slice(0, 57)}...'` : `'${value}'`;
};

/** Of very many names a person did not mean the nearest one, and listing them helps nobody. */
const maxNames = 1000;
const maxListed = 30;

/** `one of: a, b`, and which of them was probably meant. */
export const choice = (
  word: unknown,
  known: readonly string[],
): { readonly expected?: string; readonly hint?: string } => {
  const meant = typeof word === 'string' && known.length <= maxNames ? nearest(word, known) : undefined;
  const listed = known.length > maxListed ? [...known.slice(0, maxListed), '...'] : known;
  return {
    ...(known.length === 0 ? {} : { expected: known.length === 1 ? String(known[0]) : `one of: ${listed.join(', ')}` }),
    ...(meant === undefined ? {} : { hint: `did you mean '${meant}'?` }),
  };
};

/** A key that names nothing. */
export const unknownName = (
  path: Path,
  kind: string,
  name: string,
  known: readonly string[],
  code: ErrorCode = 'E_UNKNOWN_NAME',
): Finding => ({
  path,
  at: 'key',
  code,
  message: `unknown ${kind} '${name}'`,
  ...choice(name, known),
});

export const unknownKey = (path: Path, key: string, known: readonly string[]): Finding =>
  unknownName([...path, key], 'key', key, known, 'E_UNKNOWN_KEY');

/** A value that should name something and names nothing. */
export const unknownReference = (path: Path, kind: string, name: string, known: readonly string[]): Finding => ({
  path,
  code: 'E_UNKNOWN_NAME',
  message: `unknown ${kind} '${name}'`,
  ...choice(name, known),
});

export const missingKey = (path: Path, key: string, expected?: string): Finding => ({
  path: [...path, key],
  at: 'key',
  code: 'E_MISSING_KEY',
  message: `key '${key}' is missing`,
  ...(expected === undefined ? {} : { expected }),
});
