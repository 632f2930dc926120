import { Kvm4nfvError } from '../error.js';
import { briefly } from './host.js';

const hints: readonly (readonly [said: RegExp, hint: string])[] = [
  [/must have a tty/, "let sudo run without a terminal ('Defaults:USER !requiretty' in sudoers), or log in as root"],
  [
    /sudo: not found|command not found/,
    'install sudo there and let this user run it without a password, or log in as root',
  ],
];
const usualHint = 'let this user run sudo without a password (NOPASSWD in sudoers), or log in as root';

/** sudo did not run a command: it has not begun. */
export class SudoError extends Kvm4nfvError {
  constructor(host: string, argv: readonly string[], said: string) {
    const words = said.trim();
    super(
      'E_SUDO',
      `${host}: sudo does not run ${briefly(argv.slice(0, 4))}: ${words === '' ? 'it said nothing' : words}`,
      {
        hint: hints.find(([pattern]) => pattern.test(words))?.[1] ?? usualHint,
      },
    );
  }
}
