import type { ErrorEntry, Fault } from './entry.js';
import { general } from './general.js';
import { host } from './host.js';
import { machine } from './machine.js';
import { run } from './run.js';
import { suite } from './suite.js';

const codes = { ...general, ...suite, ...host, ...machine, ...run } as const;

/** The code of an error or of a finding, such as `E_UNKNOWN_KEY`. It stays the same where the words change. */
export type ErrorCode = keyof typeof codes;

/** Every code, with its fault, its meaning and what to do: `docs/errors.md` is made of this. */
export const errorCodes: Readonly<Record<ErrorCode, ErrorEntry>> = codes;

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(codes, text);

const ofFault: Readonly<Record<Fault, ErrorCode>> = {
  usage: 'E_USAGE',
  environment: 'E_ENVIRONMENT',
  unreachable: 'E_UNREACHABLE',
  tool: 'E_TOOL',
  internal: 'E_INTERNAL',
  teardown: 'E_TEARDOWN',
  interrupted: 'E_INTERRUPTED',
};

/** The code of what has none of its own. */
export const codeOfFault = (fault: Fault): ErrorCode => ofFault[fault];
