import { formatClock } from '../../report/format.js';
import { planSteps, planTest } from '../../report/plan.js';
import { TuningForecast } from '../../report/plan-states.js';
import { estimate } from '../../run/estimate.js';
import { tameMemory } from '../memory.js';
import { print, printJson } from '../output.js';
import { openSuite, type SuiteSelection } from '../suite.js';

/** `kvm4nfv plan`: every step and command of a run, one test after the other. */
export const plan = async (file: string, options: SuiteSelection & { readonly json: boolean }): Promise<number> => {
  tameMemory();
  const planned = await openSuite(file, options);
  let total: number | undefined = 0;
  if (!options.json) print(await planSteps(planned));
  const forecast = await TuningForecast.of(planned);
  for (const test of planned.tests()) {
    const took = estimate(test);
    total = took === undefined || total === undefined ? undefined : total + took;
    const described = planTest(planned, test, forecast.before(test));
    if (options.json) printJson({ ...described, estimate: took ?? null }, 0);
    else
      print(
        [
          `test ${described.name}${took === undefined ? '' : `  (${formatClock(took)})`}`,
          ...described.steps.map((step) => `  ${step}`),
        ].join('\n'),
      );
  }
  if (!options.json)
    print(
      `then: read the facts again, remove the run's files from the hosts${total === undefined ? '' : `; measuring takes ${formatClock(total)}`}`,
    );
  return 0;
};
