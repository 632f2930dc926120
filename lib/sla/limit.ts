import { spellings } from '../measure/quantity.js';
import { compare, isWhole, product, ratioOf, toNumber, type Ratio } from '../measure/ratio.js';
import type { Unit } from '../measure/units.js';
import type { Quantity, Statistic } from './statistic.js';

/** Base units that are counted in whole numbers. */
const whole: readonly Unit[] = ['ns', 'B', 'bit/s', 'packets', 'count'];

/** The unit of a statistic's value, given that of its metric. */
export const unitOf = (statistic: Statistic, metric: Unit): Unit => {
  if (statistic.kind === 'count' || statistic.kind === 'over') return 'count';
  if (statistic.kind === 'share_over') return 'ratio';
  return statistic.kind === 'duration' ? 'ns' : metric;
};

const scaled = ({ value, unit }: Quantity, base: Unit): Ratio | undefined => {
  const factor = Object.hasOwn(spellings[base], unit) ? spellings[base][unit] : undefined;
  return factor === undefined ? undefined : product(ratioOf(value), ratioOf(factor));
};

/**
 * A written quantity in a base unit, exactly; undefined where its unit does not fit. Zero needs no unit. What is counted has no
 * fractions, unless it is `averaged`.
 */
export const inUnit = (quantity: Quantity, base: Unit, averaged = false): Ratio | undefined => {
  const value = scaled(quantity, base);
  if (value === undefined) return quantity.value === 0 && quantity.unit === '' ? ratioOf(0) : undefined;
  if (base === 'ratio' && compare(value, ratioOf(1)) > 0) return undefined;
  if (!whole.includes(base) || averaged) return value;
  return isWhole(value) && Number.isSafeInteger(toNumber(value)) ? value : undefined;
};

/** Whether values of a statistic may lie between those that were counted. */
export const isAveraged = ({ kind }: Statistic): boolean => kind === 'mean' || kind === 'stddev' || kind === 'value';

/** Why {@link inUnit} gave undefined. */
export const misfit = (quantity: Quantity, base: Unit): string => {
  const written = `${String(quantity.value)}${quantity.unit}`;
  if (base === 'ratio' && Object.hasOwn(spellings.ratio, quantity.unit))
    return `${written} is more than all of the samples: expected at most 1, or 100%`;
  const known = Object.keys(spellings[base]).map((name) => (name === '' ? 'none' : name));
  return Object.hasOwn(spellings[base], quantity.unit)
    ? `${written} is no whole number of ${base}`
    : `${written} has ${quantity.unit === '' ? 'no unit' : 'the wrong unit'}: expected ${known.join(', ')}`;
};
