import type { ErrorCode } from '../error.js';

/** One mistake of a suite, with its place. */
export interface Diagnostic {
  /** As the user named it, or relative to the file that includes it. */
  readonly file: string;
  /** From 1; 0 where the whole file or a command-line argument is meant. */
  readonly line: number;
  /** From 1, in characters (code points). */
  readonly column: number;
  /** Characters that are meant, at least 1; never beyond the end of the line. */
  readonly length: number;
  readonly severity: 'error' | 'warning';
  readonly code: ErrorCode;
  /** What is wrong, with the value as written. */
  readonly message: string;
  /** What would be right. */
  readonly expected?: string;
  /** What to do, such as `did you mean 'runner'?`. */
  readonly hint?: string;
  /** What else is worth knowing, such as how many generated tests are hit. */
  readonly note?: string;
}
