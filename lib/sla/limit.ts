import { spellings, wholeNumber } from '../measure/quantity.js';
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

/** A written quantity in a base unit; undefined where its unit does not fit. Zero needs no unit. */
export const inUnit = ({ value, unit }: Quantity, base: Unit): number | undefined => {
  const known: Readonly<Record<string, number>> = spellings[base];
  if (!Object.hasOwn(known, unit)) return value === 0 && unit === '' ? 0 : undefined;
  const scaled = value * (known[unit] ?? NaN);
  if (base === 'ratio' && scaled > 1) return undefined;
  if (!whole.includes(base)) return scaled;
  return wholeNumber(scaled);
};

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
