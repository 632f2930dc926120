import { spellings } from '../measure/quantity.js';
import { isWhole, product, ratioOf, toNumber } from '../measure/ratio.js';
import { nearest } from './nearest.js';
import { didYouMean, Mistake, type Scanner } from './scanner.js';
import type { Quantity } from './statistic.js';
import { unitMeantBy } from './words.js';

const units = [...new Set(Object.values(spellings).flatMap((unit) => Object.keys(unit)))].filter((unit) => unit !== '');

/** As many as a number of JavaScript keeps whatever they are. */
const mostDigits = 15;

/** A number that says more than it can keep is refused, not rounded. */
export const exactNumber = (written: string, offset: number): number => {
  if (written.replace('.', '').replace(/^0+/, '').length > mostDigits)
    throw new Mistake(`${written} has more digits than can be kept: at most ${String(mostDigits)}`, offset);
  return Number(written);
};

/** What looks like a number and is written otherwise here. */
const refuseOtherNumbers = (scan: Scanner): void => {
  const { rest, offset } = scan;
  const [scientific] = /^\d+(\.\d+)?[eE][+-]?\d+/.exec(rest) ?? [];
  if (scientific !== undefined) {
    const value = String(Number(scientific));
    throw new Mistake(
      `'${scientific}' is scientific notation`,
      offset,
      /^\d+(\.\d+)?$/.test(value) ? `write it out: ${value}` : 'write it out, with a larger or smaller unit',
    );
  }
  const [grouped] = /^\d{1,3}([,_'’]\d{3})+/.exec(rest) ?? [];
  if (grouped !== undefined)
    throw new Mistake(`'${grouped}' has separators`, offset, `write ${grouped.replaceAll(/\D/g, '')}`);
  const [comma] = /^\d+,\d+/.exec(rest) ?? [];
  if (comma !== undefined) throw new Mistake(`'${comma}' has a comma`, offset, `write ${comma.replace(',', '.')}`);
  const [pointed] = /^\.\d+/.exec(rest) ?? [];
  if (pointed !== undefined) throw new Mistake(`'${pointed}' begins with a point`, offset, `write 0${pointed}`);
};

/** Written alone they are how people shorten numbers, and near to `s` and `m`. */
const prefixes: Readonly<Record<string, number>> = { k: 1e3, K: 1e3, M: 1e6, G: 1e9 };

/** Reads `20us`, `0.7 %`, `5`. */
export const quantity = (scan: Scanner): Quantity => {
  scan.skip();
  refuseOtherNumbers(scan);
  const at = scan.offset;
  const value = exactNumber(scan.expect(/^\d+(\.\d+)?/, 'a number with its unit, such as 20us'), at);
  scan.skip();
  const offset = scan.offset;
  const unit = (scan.take(/^(%|[A-Za-zµμ]+(\/[A-Za-z]+)?)/) ?? '').replace(/^[µμ]s$/, 'us');
  if (unit === '' || units.includes(unit)) return { value, unit };
  const factor = Object.hasOwn(prefixes, unit) ? prefixes[unit] : undefined;
  const whole = factor === undefined ? undefined : product(ratioOf(value), ratioOf(factor));
  if (whole !== undefined && isWhole(whole))
    throw new Mistake(`'${unit}' is no unit`, offset, `write it out: ${String(toNumber(whole))}`);
  const meant = unitMeantBy(unit) ?? nearest(unit, units);
  throw new Mistake(`unknown unit '${unit}'`, offset, didYouMean(meant) ?? `units: ${units.join(', ')}`);
};
