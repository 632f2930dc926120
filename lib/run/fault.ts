import { codeOfFault } from '../error-codes/index.js';
import { Kvm4nfvError, type ErrorCode, type Fault } from '../error.js';

/** What the machine lacks or refuses, as the system names it: no fault of ours. */
const ofTheMachine: ReadonlySet<string> = new Set([
  ...['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EIO', 'ENODEV', 'ENXIO'],
  ...['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ESTALE'],
]);

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && 'syscall' in error ? String(error.code) : '';

/** Why everything ends, where that is an error and nobody's wish. */
export const causeOfStop = ({ reason }: AbortSignal): Kvm4nfvError | undefined =>
  Kvm4nfvError.is(reason) ? reason : undefined;

/**
 * What kind of trouble an error is: the one place that says so. After an interruption it is most likely its consequence, and that of why we stop;
 * of an error that is none of ours the system's name for it tells whether the machine or we are at fault.
 */
export const faultOf = (error: unknown, signal?: AbortSignal): Fault => {
  if (signal?.aborted === true) return causeOfStop(signal)?.fault ?? 'interrupted';
  if (Kvm4nfvError.is(error)) return error.fault;
  return ofTheMachine.has(codeOf(error)) ? 'environment' : 'internal';
};

/** Its fault with its code; what is none of ours has the code of its fault. */
export const troubleOf = (
  error: unknown,
  signal?: AbortSignal,
): { readonly fault: Fault; readonly code: ErrorCode } => {
  const fault = faultOf(error, signal);
  return { fault, code: Kvm4nfvError.is(error) && error.fault === fault ? error.code : codeOfFault(fault) };
};
