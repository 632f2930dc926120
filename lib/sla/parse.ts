import { spellings } from '../measure/quantity.js';
import { nearest } from './nearest.js';
import { operators, type Operator, type Quantity, type Severity, type Sla, type Statistic } from './statistic.js';

export type SlaParse =
  | { readonly ok: true; readonly sla: Sla }
  | { readonly ok: false; readonly message: string; readonly offset: number; readonly hint?: string };

const statistics = ['min', 'mean', 'max', 'count', 'samples', 'over', 'share_over', 'duration'];
const units = [...new Set(Object.values(spellings).flatMap((unit) => Object.keys(unit)))].filter((unit) => unit !== '');

/** Thrown inside the parser only. */
class Mistake extends Error {
  readonly offset: number;
  readonly hint: string | undefined;
  constructor(message: string, offset: number, hint?: string) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

const shown = (text: string): string => (text === '' ? 'the end' : `'${text}'`);

class Scanner {
  readonly #text: string;
  offset = 0;
  constructor(text: string) {
    this.#text = text;
  }
  get rest(): string {
    return this.#text.slice(this.offset);
  }
  skip(): void {
    this.take(/^\s+/);
  }
  take(pattern: RegExp): string | undefined {
    const found = pattern.exec(this.rest)?.[0];
    this.offset += found?.length ?? 0;
    return found;
  }
  expect(pattern: RegExp, what: string): string {
    const found = this.take(pattern);
    if (found === undefined) throw new Mistake(`expected ${what}, not ${shown(this.rest)}`, this.offset);
    return found;
  }
}

const quantity = (scan: Scanner): Quantity => {
  scan.skip();
  const value = Number(scan.expect(/^\d+(\.\d+)?/, 'a number with its unit, such as 20us'));
  scan.skip();
  const offset = scan.offset;
  const unit = (scan.take(/^(%|[A-Za-zµμ]+(\/[A-Za-z]+)?)/) ?? '').replace(/^[µμ]s$/, 'us');
  if (unit === '' || units.includes(unit)) return { value, unit };
  const meant = nearest(unit, units);
  throw new Mistake(
    `unknown unit '${unit}'`,
    offset,
    meant === undefined ? `units: ${units.join(', ')}` : `did you mean '${meant}'?`,
  );
};

const percentile = (digits: string, offset: number): Statistic => {
  const value = Number(digits);
  if (value <= 0 || value >= 100)
    throw new Mistake(
      `p${digits} is no percentile: it must be above 0 and below 100`,
      offset,
      value === 100 ? "did you mean 'max'?" : undefined,
    );
  // 100 - 99.99 is 0.01000000000000512: count in the last written decimal instead.
  const scale = 10 ** (digits.split('.')[1]?.length ?? 0);
  const above = 100 * scale - Math.round(value * scale);
  return { kind: 'percentile', percentile: value, needs: Math.ceil((1000 * scale) / above) };
};

const argument = (scan: Scanner, name: string): Quantity => {
  scan.skip();
  scan.expect(/^\(/, `'(' after ${name}, as in ${name}(20us)`);
  const above = quantity(scan);
  scan.skip();
  scan.expect(/^\)/, `')'`);
  return above;
};

/** The statistic called `name`, or undefined where there is none of that name. */
const statistic = (scan: Scanner, name: string, offset: number): Statistic | undefined => {
  if (/^p\d+$/.test(name)) return percentile(name.slice(1) + (scan.take(/^\.\d+/) ?? ''), offset);
  if (name === 'min' || name === 'mean' || name === 'max' || name === 'count') return { kind: name };
  if (name === 'samples') return { kind: 'count' };
  if (name === 'over' || name === 'share_over') return { kind: name, above: argument(scan, name) };
  return undefined;
};

const parse = (text: string, severity: Severity): Sla => {
  const scan = new Scanner(text);
  const word = /^[A-Za-z_][A-Za-z0-9_]*/;
  scan.skip();
  const offset = scan.offset;
  const first = scan.expect(word, 'a metric or a statistic, such as max or p99.99');
  let metric: string | undefined;
  let what: Statistic | undefined = first === 'duration' ? { kind: 'duration' } : statistic(scan, first, offset);
  if (what === undefined) {
    metric = first;
    what = { kind: 'value' };
    if (scan.take(/^\s*\.\s*/) !== undefined) {
      const at = scan.offset;
      const name = scan.expect(word, `a statistic after '${first}.'`);
      what = statistic(scan, name, at);
      if (what === undefined) {
        const meant = nearest(
          name,
          statistics.filter((known) => known !== 'duration'),
        );
        throw new Mistake(
          `unknown statistic '${name}'`,
          at,
          meant === undefined
            ? 'statistics: p<N>, min, mean, max, count, over(X), share_over(X)'
            : `did you mean '${meant}'?`,
        );
      }
    } else if (/^\s*\(/.test(scan.rest)) {
      const meant = nearest(first, ['over', 'share_over']);
      throw new Mistake(`unknown function '${first}'`, offset, `did you mean '${meant ?? 'over'}'?`);
    }
  }
  scan.skip();
  const at = scan.offset;
  const operator = scan.expect(/^[<>=!~]+/, `one of ${operators.join(', ')}`) as Operator;
  if (!operators.includes(operator))
    throw new Mistake(`unknown operator '${operator}'`, at, `operators: ${operators.join(', ')}`);
  const limit = quantity(scan);
  scan.skip();
  if (scan.rest !== '')
    throw new Mistake(
      `expected the end, not ${shown(scan.rest)}`,
      scan.offset,
      'one limit an expression: write several as a list',
    );
  return { expression: text.trim(), severity, metric, statistic: what, operator, limit };
};

/** Reads `[metric.]statistic op quantity`, `metric op quantity` or `duration op quantity`; `offset` counts characters of `text` from 0. */
export const parseSla = (text: string, severity: Severity = 'fail'): SlaParse => {
  try {
    return { ok: true, sla: parse(text, severity) };
  } catch (mistake) {
    if (!(mistake instanceof Mistake)) throw mistake;
    const { message, offset, hint } = mistake;
    return { ok: false, message, offset, ...(hint === undefined ? {} : { hint }) };
  }
};
