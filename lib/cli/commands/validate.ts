import { print } from '../output.js';
import { openSuite, type SuiteSelection } from '../suite.js';

/** `kvm4nfv validate`: checks a suite without touching a host. */
export const validate = async (file: string, options: SuiteSelection): Promise<number> => {
  const plan = await openSuite(file, options);
  let count = 0;
  for (const test of plan.tests()) count += test.name === '' ? 0 : 1;
  print(`${file}: ${String(count)} test${count === 1 ? '' : 's'}, no mistakes`);
  return 0;
};
