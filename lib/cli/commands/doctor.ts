import { openHost } from '../../host/open.js';
import { readFacts } from '../../host/facts.js';
import { hostSchema } from '../../host/spec.js';
import { print, printJson } from '../output.js';
export const doctor = async (name: string | undefined, options: { readonly suite?: string; readonly json: boolean }): Promise<number> => {
  const specs = new Map([[name ?? 'local', hostSchema.parse(name === undefined ? {} : { address: name })]]);
  await using host = await openHost(name ?? 'local', specs);
  const facts = await readFacts(host);
  if (options.json) printJson(facts);
  else print(JSON.stringify(facts, undefined, 2));
  return 0;
};
