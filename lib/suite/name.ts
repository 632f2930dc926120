import type { Finding } from './findings.js';
import type { Located } from './mistakes.js';
import type { Part } from './part.js';
import { textOf, type Scope } from './template.js';

const maxLength = 200;
const control = /\p{Cc}/u;

/** The name of a generated test: the template filled in, and `[key=value ...]` for the keys that it does not name. */
export const testName = (
  part: Part,
  scope: Scope,
  combination: Scope,
  partial: boolean,
  problems: Located[],
): string => {
  const { site, template, broken } = part;
  if (broken || (partial && template.names.some((name) => !Object.hasOwn(scope, name)))) return '';
  const findings: Finding[] = [];
  const name = template.evaluate(scope, findings);
  const said = textOf(name);
  const rest = Object.entries(combination)
    .filter(([key]) => !template.names.includes(key))
    .map(([key, value]) => `${key}=${textOf(value) ?? JSON.stringify(value)}`);
  const full = rest.length === 0 ? (said ?? '') : `${said ?? ''} [${rest.join(' ')}]`;
  if (findings.length === 0 && name !== undefined) {
    if (said === undefined || (typeof name !== 'string' && template.names.length === 0))
      findings.push({
        path: [],
        code: 'E_TYPE',
        message: `${said ?? 'this'} is the wrong type for 'name'`,
        expected: 'text',
      });
    else if (said.trim() === '') findings.push({ path: [], code: 'E_NAME', message: 'the name is empty' });
    else if (full.length > maxLength)
      findings.push({
        path: [],
        code: 'E_NAME',
        message: `the name is too long: ${String(full.length)} characters`,
        expected: `at most ${String(maxLength)}`,
      });
    else if (control.test(full))
      findings.push({ path: [], code: 'E_NAME', message: 'the name has a line break or another control character' });
  }
  problems.push(...findings.map((finding) => ({ site, finding })));
  return full;
};
