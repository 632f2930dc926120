/**
 * What kind of trouble an error is. The executor alone turns a fault into a verdict and an exit code:
 * `usage` 2, `environment` 3, `unreachable` 4, `tool` and `internal` 5, `teardown` 6, `interrupted` 130.
 */
export type Fault = 'usage' | 'environment' | 'unreachable' | 'tool' | 'internal' | 'teardown' | 'interrupted';

export interface Kvm4nfvErrorOptions {
  /** What the reader can do about it: one sentence, imperative. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const brand = Symbol.for('kvm4nfv.error');

/** The one error class of the package. `message` says what happened, with which value, where; `hint` what to do. */
export class Kvm4nfvError extends Error {
  readonly fault: Fault;
  readonly hint: string | undefined;
  readonly [brand] = true;

  constructor(fault: Fault, message: string, options: Kvm4nfvErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.fault = fault;
    this.hint = options.hint;
  }

  /** Works across copies of the package, where `instanceof` does not. */
  static is(error: unknown): error is Kvm4nfvError {
    return typeof error === 'object' && error !== null && brand in error;
  }
}

/** The message of anything that was thrown, without a stack. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

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
