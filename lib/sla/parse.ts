import { labelSelection } from './labels.js';
import { nearest } from './nearest.js';
import { exactNumber, quantity } from './quantity.js';
import { didYouMean, Mistake, Scanner, shown } from './scanner.js';
import { operators, type Operator, type Quantity, type Severity, type Sla, type Statistic } from './statistic.js';
import { meantBy, statisticWords, wordOf } from './words.js';

export type SlaParse =
  | { readonly ok: true; readonly sla: Sla }
  | { readonly ok: false; readonly message: string; readonly offset: number; readonly hint?: string };

const word = /^[A-Za-z_][A-Za-z0-9_]*/;

const percentile = (digits: string, offset: number): Statistic => {
  const value = exactNumber(digits, offset);
  if (value <= 0 || value >= 100)
    throw new Mistake(
      `p${digits} is no percentile: it must be above 0 and below 100`,
      offset,
      didYouMean(value === 100 ? 'max' : value === 0 ? 'min' : meantBy(`p${digits}`)),
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
  if (name === 'over' || name === 'share_over') return { kind: name, above: argument(scan, name) };
  return wordOf(name);
};

type Subject = Pick<Sla, 'metric' | 'statistic' | 'labels'>;

const statisticOf = (scan: Scanner, metric: string): Statistic => {
  const at = scan.offset;
  const name = scan.expect(word, `a statistic after '${metric}.'`);
  const found = statistic(scan, name, at);
  if (found !== undefined) return found;
  const meant =
    meantBy(name) ??
    nearest(
      name,
      statisticWords.filter((known) => known !== 'duration'),
    );
  const hint = didYouMean(meant) ?? 'statistics: p<N>, min, mean, median, max, stddev, count, over(X), share_over(X)';
  throw new Mistake(`unknown statistic '${name}'`, at, hint);
};

const startsOtherwise = (rest: string): string | undefined => {
  const [, digits] = /^(\d+(?:\.\d+)?)\s*(?:%|p|th|st|nd|rd)/.exec(rest) ?? [];
  if (digits !== undefined) return didYouMean(`p${digits}`);
  return /^[\d.]/.test(rest) ? 'the statistic stands first: max <= 20us' : undefined;
};

/** `latency.p99`, `max`, `lost`, `duration`: with its labels. */
const subject = (scan: Scanner): Subject => {
  scan.skip();
  const offset = scan.offset;
  const first = scan.expect(word, 'a metric or a statistic, such as max or p99.99', startsOtherwise(scan.rest));
  if (first === 'duration') return { metric: undefined, statistic: { kind: 'duration' } };
  let metric: string | undefined;
  let what = statistic(scan, first, offset);
  if (what === undefined) {
    metric = first;
    what = { kind: 'value' };
    if (scan.take(/^\s*\.\s*/) !== undefined) what = statisticOf(scan, first);
    else if (/^\s*\(\s*[^\s=]*\s*\)/.test(scan.rest)) {
      const meant = nearest(first, ['over', 'share_over']) ?? meantBy(first) ?? 'over';
      throw new Mistake(`unknown function '${first}'`, offset, didYouMean(meant));
    }
  }
  const labels = labelSelection(scan);
  return { metric, statistic: what, ...(labels === undefined ? {} : { labels }) };
};

/** What is judged: `max - min` is a statistic of its own. */
const judged = (scan: Scanner): Subject => {
  const one = subject(scan);
  if (scan.take(/^\s*[-−–]\s*/) === undefined) return one;
  const at = scan.offset;
  const other = subject(scan);
  const same = other.metric === undefined || other.metric === one.metric;
  const labels = JSON.stringify(other.labels ?? one.labels) === JSON.stringify(one.labels);
  if (one.statistic.kind !== 'max' || other.statistic.kind !== 'min' || !same || !labels)
    throw new Mistake('the only difference that can be judged is that of one metric', at, "write 'max - min'");
  return { ...one, statistic: { kind: 'range' } };
};

const otherOperators: Readonly<Record<string, Operator>> = {
  '≤': '<=',
  '≥': '>=',
  '=<': '<=',
  '=>': '>=',
  '=': '==',
  '===': '==',
};

const parse = (text: string, severity: Severity): Sla => {
  const scan = new Scanner(text);
  const what = judged(scan);
  scan.skip();
  const at = scan.offset;
  if (what.labels !== undefined && scan.rest.startsWith('.'))
    throw new Mistake('labels stand behind the statistic', at, 'such as latency.max{cpu=3}');
  const decimal = /^,(\d+)/.exec(scan.rest)?.[1];
  const meant =
    decimal !== undefined && what.statistic.kind === 'percentile'
      ? `p${String(what.statistic.percentile)}.${decimal}`
      : undefined;
  const operator = scan.expect(/^[<>=!~≤≥]+/, `one of ${operators.join(', ')}`, didYouMean(meant)) as Operator;
  if (!operators.includes(operator)) {
    const hint = Object.hasOwn(otherOperators, operator) ? didYouMean(otherOperators[operator]) : undefined;
    throw new Mistake(`unknown operator '${operator}'`, at, hint ?? `operators: ${operators.join(', ')}`);
  }
  if (/^\s+=/.test(scan.rest) && /^[<>=]$/.test(operator))
    throw new Mistake(`'${operator} =' has a space in it`, at, didYouMean(`${operator}=`));
  const limit = quantity(scan);
  scan.skip();
  if (scan.rest !== '')
    throw new Mistake(
      `expected the end, not ${shown(scan.rest)}`,
      scan.offset,
      'one limit an expression: write several as a list',
    );
  return { expression: text.trim(), severity, ...what, operator, limit };
};

/**
 * Reads `[metric.]statistic[{label=value}] op quantity`, `metric op quantity` or `duration op quantity`; `offset` counts characters
 * of `text` from 0.
 */
export const parseSla = (text: string, severity: Severity = 'fail'): SlaParse => {
  try {
    return { ok: true, sla: parse(text, severity) };
  } catch (mistake) {
    if (!(mistake instanceof Mistake)) throw mistake;
    const { message, offset, hint } = mistake;
    return { ok: false, message, offset, ...(hint === undefined ? {} : { hint }) };
  }
};
