import type { Trial } from '../../lib/plugin.js';
import { optionsIn } from './timerlat/argv.js';

export interface Help {
  readonly options: ReadonlySet<string>;
  readonly version: string | undefined;
}

/** What a tool of this machine says of itself: `command` without its `--help`, which some print to stderr, and some with exit 1. */
export const helpOf = async (trial: Trial, command: readonly string[]): Promise<Help> => {
  const { stdout, stderr } = await trial.sut.exec([...command, '--help'], {
    check: false,
    signal: trial.signal,
    timeout: 30_000,
  });
  const text = `${stdout}\n${stderr}`;
  return { options: optionsIn(text), version: /\(version ([^)]+)\)/.exec(text)?.[1] };
};
