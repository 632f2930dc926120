/** Characters that stand for themselves between single quotes in every login shell: sh, bash, zsh, fish, csh. */
const plain = /[A-Za-z0-9 _./:=,@%+"$(){}[\];|&<>*?#~^`-]/;

/** For `printf %b`. fish takes `\\` and `\'` out of single quotes, csh `!` and line ends: those never stand there. */
const encode = (text: string): string =>
  [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return plain.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');

export interface LoginLine {
  /** A command line of a POSIX shell. */
  readonly command: string;
  /** Stands on the line as it is, for those who look for the command among the processes. */
  readonly marker: string;
  /** What is printed on both streams before the command begins. */
  readonly mark: string;
  /** On standard output the name of the login shell follows, and this. */
  readonly shellMark: string;
  /** What is printed on standard error when it has ended, followed by its exit status and `;`. */
  readonly endMark?: string;
}

/** How much of a login shell is known. */
export type LoginShell =
  /** Nothing: a command is handed to `sh` in a form in which no shell finds anything to change. */
  | 'unknown'
  /** It refuses `exec`. */
  | 'restricted'
  /** It reads the line as `sh` would, which saves a process. */
  | 'posix';

const posix = /(?:^|\/)(?:sh|bash|dash|ash|ksh|mksh|zsh)$/;

/** What the name that {@link loginLine} makes a login tell says of its shell. */
export const loginShell = (name: string): LoginShell => (posix.test(name) ? 'posix' : 'unknown');

/** The line that runs a command the same whatever the login shell. */
export const loginLine = (shell: LoginShell, { command, marker, mark, shellMark, endMark }: LoginLine): string => {
  const begin = `printf '${mark}%s${shellMark}' "$SHELL"; printf ${mark} >&2`;
  if (shell === 'posix' && endMark === undefined) return `${begin}; exec ${command}`;
  const script =
    endMark === undefined
      ? `${begin}; exec ${command}`
      : // A shell says which signal ended a command: dash, of one that is not in the background, even past a redirection.
        `${begin}; exec 3>&2 2>/dev/null 4<&0; ${command} <&4 2>&3 3>&- 4<&- & wait $!; printf '${endMark}%s;' "$?" >&3`;
  return `${shell === 'restricted' ? '' : 'exec '}sh -c 'eval "$(printf %b "$1")"' ${marker} '${encode(script)}'`;
};
