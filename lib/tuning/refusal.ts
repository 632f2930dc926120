/** What the C library calls the errors that writing to the kernel's files can end with, glibc's words first, then musl's. */
const words = {
  EPERM: ['Operation not permitted'],
  ENOENT: ['No such file or directory', 'Directory nonexistent', 'no such file'],
  EIO: ['Input/output error', 'I/O error'],
  EACCES: ['Permission denied'],
  EBUSY: ['Device or resource busy', 'Resource busy'],
  ENODEV: ['No such device'],
  EINVAL: ['Invalid argument'],
  ENOSPC: ['No space left on device'],
  EROFS: ['Read-only file system'],
  ERANGE: ['Numerical result out of range', 'Result not representable'],
  EOPNOTSUPP: ['Operation not supported', 'Not supported'],
} as const;
export type Errno = keyof typeof words;

/** The error that a command tells of in its last words; undefined where it is none of those that we know. */
export const errnoOf = (said: string): Errno | undefined =>
  (Object.keys(words) as Errno[]).find((errno) =>
    words[errno].some((word) => new RegExp(`\\b${word}\\b`, 'i').test(said)),
  );

/** What a shell or a tool complained of, without the name and the line number of a script that is ours and not the reader's. */
export const complaint = (said: string): string =>
  said
    .trim()
    .split('\n')
    .map((line) => line.replace(/^(?:sh|dash|bash|kvm4nfv-\w+|\/bin\/sh)?: ?(?:line )?\d+: (?:sh: )?/, ''))
    .map((line) => line.replace(/^(?:cat|printf|echo): (?:write error: |-: )?/, ''))
    .join('\n');
