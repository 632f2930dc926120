import { Kvm4nfvError, messageOf } from '../error.js';
import { coloured, plain, type Paint } from '../report/paint.js';
import { exitCodeOfFault } from '../run/exit-code.js';

export const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const warn = (text: string): void => {
  process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
};

export const printJson = (value: unknown): void => {
  print(JSON.stringify(value, undefined, 2));
};

const wantsColour = (stream: NodeJS.WriteStream): boolean =>
  (process.env['NO_COLOR'] ?? '') === '' && (stream.isTTY || (process.env['FORCE_COLOR'] ?? '') !== '');

export const paintFor = (stream: NodeJS.WriteStream): Paint => (wantsColour(stream) ? coloured : plain);

/** Shows an error as `error: ...` with its hint, and gives the exit code of its fault. */
export const fail = (error: unknown): number => {
  const paint = paintFor(process.stderr);
  const diagnostics =
    Kvm4nfvError.is(error) && 'diagnostics' in error && Array.isArray(error.diagnostics)
      ? error.diagnostics
      : undefined;
  if (diagnostics !== undefined) {
    const count = diagnostics.filter(({ severity }: { severity: string }) => severity === 'error').length;
    warn(
      `${messageOf(error)}\n\n${paint('red', 'error')}: ${String(count)} mistake${count === 1 ? '' : 's'}; nothing was touched`,
    );
  } else {
    warn(`${paint(['red', 'bold'], 'error')}: ${messageOf(error)}`);
    if (Kvm4nfvError.is(error) && error.hint !== undefined) warn(`  ${paint('cyan', 'help')}: ${error.hint}`);
    if (!Kvm4nfvError.is(error))
      warn(`  ${paint('cyan', 'help')}: this is a fault in kvm4nfv; please report it with the command that you ran`);
  }
  return exitCodeOfFault[Kvm4nfvError.is(error) ? error.fault : 'internal'];
};
