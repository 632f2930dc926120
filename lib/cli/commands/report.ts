import { printableData } from '../../printable.js';
import { renderSummary } from '../../report/summary.js';
import { reduceRun } from '../../run/reduce.js';
import { paintFor, print, printJson } from '../output.js';

/** `kvm4nfv report`: the result of a run, derived from its events. */
export const report = async (directory: string, { json }: { readonly json: boolean }): Promise<number> => {
  const result = await reduceRun(directory);
  if (json) printJson(result);
  else print(renderSummary(printableData(result), { paint: paintFor(process.stdout) }));
  return result.exitCode;
};
