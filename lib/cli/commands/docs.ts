import { goalsPage } from '../../doctor/goals/page.js';
import { knobDocs } from '../../tuning/knob-docs.js';
import { print } from '../output.js';
import { registryWith } from '../suite.js';

export type Page = 'goals' | 'knobs';

/** `kvm4nfv docs`: a page of the documentation that is made of what the code defines, as Markdown. */
export const docs = async (page: Page): Promise<number> => {
  const registry = await registryWith([]);
  await registry.load();
  const scenarios = new Set(registry.all('scenario').map(({ type }) => type));
  print(page === 'goals' ? await goalsPage(scenarios) : knobDocs());
  return 0;
};
