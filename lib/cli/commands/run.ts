import path from 'node:path';
import { printableData } from '../../printable.js';
import { renderSummary } from '../../report/summary.js';
import { execute } from '../../run/executor.js';
import { newRunId } from '../../run/run-id.js';
import { Interrupt } from '../interrupt.js';
import { Live } from '../live.js';
import { tameMemory } from '../memory.js';
import { paintFor, print, printJson } from '../output.js';
import { openSuite, type SuiteSelection } from '../suite.js';

/** `kvm4nfv run`: runs a suite and prints its result; gives the exit code. */
export const run = async (
  file: string,
  options: SuiteSelection & { readonly output: string; readonly json: boolean; readonly failFast: boolean },
): Promise<number> => {
  tameMemory();
  const plan = await openSuite(file, options);
  if (options.shard !== undefined && plan.tests()[Symbol.iterator]().next().done === true) {
    print(`${file}: no test is in shard ${String(options.shard.index)}/${String(options.shard.count)}`);
    return 0;
  }
  // It may be removed meanwhile.
  const here = process.cwd();
  const runId = newRunId(plan.suite.name);
  using interrupt = new Interrupt(() => `kvm4nfv cleanup --run ${runId}`);
  const { signal } = interrupt;
  const outcome = await (async () => {
    using live = new Live(process.stderr);
    return await execute(plan, {
      results: options.output,
      runId,
      signal,
      failFast: options.failFast,
      onEvent: live.onEvent,
    });
  })();
  if (options.json) printJson(outcome.result);
  else {
    print(renderSummary(printableData(outcome.result), { paint: paintFor(process.stdout) }));
    print(`files: ${path.relative(here, outcome.directory)}`);
  }
  return outcome.result.exitCode;
};
