import type { Bounds } from './bounds.js';
import { ratioOf } from './ratio.js';

const times = [
  ['s', 9],
  ['ms', 6],
  ['us', 3],
] as const;

/** `value` divided by 10^`places`, with all its digits. */
const shifted = (value: number, places: number): string => {
  const { numerator, denominator } = ratioOf(value);
  const scale = String(denominator).length - 1 + places;
  const digits = String(numerator < 0n ? -numerator : numerator) + '0'.repeat(Math.max(0, -scale));
  const fraction = Math.max(0, scale);
  const padded = digits.padStart(fraction + 1, '0');
  const [whole, rest] = [padded.slice(0, padded.length - fraction), padded.slice(padded.length - fraction)];
  const kept = rest.replace(/0+$/, '');
  return `${numerator < 0n ? '-' : ''}${whole}${kept === '' ? '' : `.${kept}`}`;
};

/** Of a quotient nine digits are enough to tell it from a limit. */
const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(9)));

/** A value beside its limit: `50.015us`, `0.7%`, `17`. Whole numbers of base units keep all their digits. */
export const exactText = (value: number, unit: string): string => {
  if (unit === 'ratio') return `${shifted(rounded(value), -2)}%`;
  if (unit === '%') return `${shifted(rounded(value), 0)}%`;
  if (unit === 'count') return shifted(rounded(value), 0);
  const [name, places] = (unit === 'ns' ? times.find(([, size]) => value >= 10 ** size) : undefined) ?? [unit, 0];
  return `${shifted(rounded(value), places)}${/^[a-z]{1,2}$/.test(name) ? '' : ' '}${name}`;
};

/** `1 to 500`, or one value where the two are the same. */
export const exactRange = ({ low, high }: Bounds, unit: string): string =>
  low === high ? exactText(high, unit) : `${exactText(low, unit)} to ${exactText(high, unit)}`;
