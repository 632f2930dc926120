import { eventJsonSchema } from '../../run/event.js';
import { resultJsonSchema } from '../../run/result.js';
import { suiteJsonSchema } from '../../suite/json-schema.js';
import { printJson } from '../output.js';
import { registryWith } from '../suite.js';

/** `kvm4nfv schema`: a JSON Schema on stdout. */
export const schema = async (options: {
  readonly of: 'suite' | 'result' | 'events';
  readonly plugin?: readonly string[];
}): Promise<number> => {
  if (options.of === 'result') printJson(resultJsonSchema());
  else if (options.of === 'events') printJson(eventJsonSchema());
  else printJson(await suiteJsonSchema(await registryWith(options.plugin ?? [])));
  return 0;
};
