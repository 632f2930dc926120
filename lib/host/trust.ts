import { lstat, realpath } from 'node:fs/promises';
import path from 'node:path';
import { Kvm4nfvError } from '../error.js';
import type { ExecResult } from './host.js';
import { untrustedStatus } from './trust-script.js';

const hint =
  'Look who made it and why; then remove it, or give it back to its owner and take the rights of others away.';

/** A directory in which somebody else could put a link or a file of theirs: nothing was made, changed or removed there. */
export class UntrustedError extends Kvm4nfvError {
  constructor(where: string, why: string) {
    super('E_UNTRUSTED', `${where}: ${why}`, { hint });
  }
}

const words = /^.*, so it is not trusted$/m;

/** Throws {@link UntrustedError} where the script trusted a directory too little to go on. */
export const assertTrusted = (host: string, { exitCode, stderr }: ExecResult): void => {
  const why = exitCode === untrustedStatus ? words.exec(stderr)?.[0] : undefined;
  if (why !== undefined) throw new UntrustedError(host, why);
};

const sticky = 0o1000;

/**
 * Throws {@link UntrustedError} unless everything that this process makes in a directory of this machine stays in its place: each
 * directory from / down belongs to root or to us, and others can't write to it, or it is sticky.
 */
export const assertLocalTrusted = async (directory: string): Promise<void> => {
  const own = process.geteuid?.() ?? 0;
  const group = process.getegid?.() ?? 0;
  const real = await realpath(directory);
  const top = (await lstat('/')).uid;
  const parts = real.split('/').filter((part) => part !== '');
  for (const [index] of parts.entries()) {
    const at = path.join('/', ...parts.slice(0, index + 1));
    const { mode, uid, gid } = await lstat(at);
    const refuse = (why: string): never => {
      throw new UntrustedError('this machine', `${why}, so it is not trusted`);
    };
    if (![0, top, own].includes(uid)) refuse(`${at} belongs to user ${String(uid)}`);
    const others = (mode & 0o002) !== 0 || ((mode & 0o020) !== 0 && gid !== 0 && gid !== group);
    if (others && (mode & sticky) === 0) refuse(`others can write to ${at}`);
  }
};
