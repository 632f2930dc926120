import { parse } from 'yaml';
import { Kvm4nfvError, messageOf } from '../error.js';

/** `key=value` of the command line. Without a key or `=` a `usage` error. */
export const keyAndText = (flag: string, given: string, form: string, example: string): readonly [string, string] => {
  const at = given.indexOf('=');
  if (at < 1)
    throw new Kvm4nfvError('E_ARGUMENT', `${flag} ${given}: expected ${form}`, {
      hint: `such as ${flag} ${example}`,
    });
  return [given.slice(0, at), given.slice(at + 1)];
};

/**
 * A text of the command line as it would be read in a suite: `10`, `true`, `[64, 1518]`. What is no YAML is a text, but of
 * a list, a mapping or a quoted text that is not closed it is said what is wrong.
 */
export const readGiven = (text: string): { readonly value: unknown; readonly wrong?: string } => {
  if (text === '') return { value: text };
  const options = { version: '1.2', schema: 'core', maxAliasCount: 0, logLevel: 'error', stringKeys: true } as const;
  try {
    return { value: parse(text, options) as unknown };
  } catch (error) {
    if (!/^\s*["'[{]/.test(text)) return { value: text };
    const [said = ''] = messageOf(error).split('\n');
    return { value: text, wrong: `${text} is no YAML: ${said.replace(/:$/, '')}` };
  }
};

/** The same for commands without a suite: what is wrong is a `usage` error. */
export const valueOf = (flag: string, text: string): unknown => {
  const { value, wrong } = readGiven(text);
  if (wrong === undefined) return value;
  throw new Kvm4nfvError('E_ARGUMENT', `${flag}: ${wrong}`, {
    hint: 'write it as in a suite, such as [64, 1518] or { product: X }',
  });
};
