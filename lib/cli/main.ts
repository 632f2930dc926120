import { CommanderError } from 'commander';
import { fail } from './output.js';
import { program } from './program.js';

/** Runs the command line and gives its exit code. Never throws, never shows a stack. */
export const main = async (argv: readonly string[]): Promise<number> => {
  let code = 0;
  const command = program((result) => {
    code = result;
  });
  try {
    await command.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    // Commander has printed its own message already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    return fail(error);
  }
};
