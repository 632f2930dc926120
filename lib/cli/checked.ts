import type { ZodType } from 'zod';
import { Kvm4nfvError } from '../error.js';
import type { Finding } from '../suite/findings.js';
import { parseWith } from '../suite/parse.js';

const said = ({ message, expected, hint }: Finding): string =>
  [message, expected === undefined ? [] : `expected ${expected}`, hint ?? []].flat().join('; ');

/** What was said on the command line, by its schema; `more` says where to read what can be said. Throws a usage error. */
export const checked = <T>(what: string, schema: ZodType<T>, value: unknown, more: string): T => {
  const parsed = parseWith(schema, value);
  if (parsed.ok) return parsed.value;
  throw new Kvm4nfvError('E_ARGUMENT', `${what}: ${parsed.findings.map(said).join('\n')}`, { hint: more });
};
