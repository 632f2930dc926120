import { codeOfFault, errorCodes, isErrorCode, type ErrorCode } from './error-codes/index.js';
import type { Fault } from './error-codes/entry.js';
import { printable } from './printable.js';

export type { ErrorCode } from './error-codes/index.js';
export type { Fault } from './error-codes/entry.js';

export interface Kvm4nfvErrorOptions {
  /** What the reader can do about it: one sentence, imperative. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const brand = Symbol.for('kvm4nfv.error');

/**
 * The one error class of the package. `message` says what happened, with which value, where; `hint` what to do. Both are
 * printable, whatever was put into them.
 */
export class Kvm4nfvError extends Error {
  /** Stays the same where the words change; `docs/errors.md` lists all. */
  readonly code: ErrorCode;
  readonly fault: Fault;
  readonly hint: string | undefined;
  readonly [brand] = true;

  /** `what` is a code, or only a fault where none of the codes says more. */
  constructor(what: ErrorCode | Fault, message: string, options: Kvm4nfvErrorOptions = {}) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = isErrorCode(what) ? what : codeOfFault(what);
    this.fault = errorCodes[this.code].fault;
    this.hint = options.hint === undefined ? undefined : printable(options.hint);
  }

  /** Works across copies of the package, where `instanceof` does not. */
  static is(error: unknown): error is Kvm4nfvError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

/** The message of anything that was thrown, without a stack; printable. */
export const messageOf = (error: unknown): string =>
  Kvm4nfvError.is(error) ? error.message : printable(error instanceof Error ? error.message : String(error));

/** The code of anything that was thrown. What is none of ours is our own fault. */
export const codeOf = (error: unknown): ErrorCode => (Kvm4nfvError.is(error) ? error.code : 'E_INTERNAL');

const systemErrors: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EEXIST: 'it exists already',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the disk quota is used up',
};

/** Why a file could not be used, in words and without the path, which the caller names. */
export const fileProblem = (error: unknown): string =>
  systemErrors[error instanceof Error && 'code' in error ? String(error.code) : ''] ?? messageOf(error);
