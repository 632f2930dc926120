/**
 * What kind of trouble an error is. The executor alone turns a fault into a verdict and an exit code:
 * `usage` 2, `environment` 3, `unreachable` 4, `tool` and `internal` 5, `teardown` 6, `interrupted` 130.
 */
export type Fault = 'usage' | 'environment' | 'unreachable' | 'tool' | 'internal' | 'teardown' | 'interrupted';

/** What the documentation says of a code. */
export interface ErrorEntry {
  readonly fault: Fault;
  /** What has happened, as one sentence. */
  readonly meaning: string;
  /** What to do about it, as one sentence. */
  readonly remedy: string;
}

export const entry = (fault: Fault, meaning: string, remedy: string): ErrorEntry => ({ fault, meaning, remedy });
