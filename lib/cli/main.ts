import { CommanderError } from 'commander';
import { fail } from './output.js';
import { program } from './program.js';

/** Whoever reads what we say may stop reading: a run goes on, and ends as it would have. */
const outliveReaders = (): void => {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
};

/** Whoever has something to put back listens too, and ends us when that is done. */
const showStrays = (): void => {
  process.on('uncaughtException', (error) => {
    if (process.listenerCount('uncaughtException') === 1) process.exit(fail(error));
  });
};

/** Runs the command line and gives its exit code. Never throws, never shows a stack. */
export const main = async (argv: readonly string[]): Promise<number> => {
  outliveReaders();
  showStrays();
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
