import { builtins } from '../../builtins.js';
import { cleanupRun, runDirectories } from '../../run/cleanup.js';
import { sweepersOf } from '../../suite/plugins.js';
import { Interrupt } from '../interrupt.js';
import { print } from '../output.js';

/** `kvm4nfv cleanup`: exit code 0, or 6 where something could not be removed. */
export const cleanup = async ({
  output,
  run,
}: {
  readonly output: string;
  readonly run?: readonly string[];
}): Promise<number> => {
  using interrupt = new Interrupt(() => 'kvm4nfv cleanup');
  let failed = false;
  let seen = 0;
  for (const directory of await runDirectories(output, run)) {
    const report = await cleanupRun(directory, sweepersOf(builtins()), {
      signal: interrupt.signal,
      named: run !== undefined,
    });
    seen += 1;
    failed ||= report.state === 'failed';
    if (report.state !== 'clean' || run !== undefined)
      print([`${report.run}: ${report.state}`, ...report.lines.map((line) => `  ${line}`)].join('\n'));
  }
  if (run === undefined) print(`${String(seen)} run${seen === 1 ? '' : 's'} looked at in ${output}`);
  return failed ? 6 : 0;
};
