import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inheritedEnvironment } from './local-environment.js';

/** Runs a command of this machine on the user's own terminal and gives its exit code; 130 where a signal ended it. */
export const runOnTerminal = async ([file = '', ...args]: readonly string[]): Promise<number> => {
  const [code] = (await once(spawn(file, args, { stdio: 'inherit', env: inheritedEnvironment() }), 'exit')) as [
    number | null,
  ];
  return code ?? 130;
};
