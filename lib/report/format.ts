import type { Bounds } from '../measure/bounds.js';
import { exactText } from '../measure/exact-text.js';

const scales = [
  { factor: 1e9, unit: 's' },
  { factor: 1e6, unit: 'ms' },
  { factor: 1e3, unit: 'us' },
] as const;

const digits = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);

/** Nanoseconds for people: three significant digits and a unit, such as `12.3us`; whole values without decimals. */
export const formatTime = (ns: number): string => {
  // Rounded first, for the unit depends on it: 999.9us are 1.00ms and not 1000us.
  const rounded = ns < 1e12 ? Number(ns.toPrecision(3)) : ns;
  const scale = scales.find(({ factor }) => rounded >= factor);
  if (scale === undefined) return `${String(Math.round(ns))}ns`;
  const exact = ns / scale.factor;
  return `${Number.isInteger(exact) ? String(exact) : digits(rounded / scale.factor)}${scale.unit}`;
};

/** `1:02:03`, `2:03`, `0:03`. */
export const formatClock = (ns: number): string => {
  const seconds = Math.max(0, Math.round(ns / 1e9));
  const two = (part: number): string => String(part).padStart(2, '0');
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${String(minutes)}:${two(seconds % 60)}`
    : `${String(Math.floor(minutes / 60))}:${two(minutes % 60)}:${two(seconds % 60)}`;
};

/** 1234567 as `1 234 567`. */
export const formatCount = (count: number): string => String(count).replaceAll(/\B(?=(\d{3})+$)/g, ' ');

/** A value of a metric where its unit stands beside it; times and shares bring their own. */
export const formatNumber = (value: number, unit: string): string => {
  if (unit === 'ns') return formatTime(value);
  if (unit === 'ratio') return `${String(Number((value * 100).toPrecision(4)))} %`;
  return Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(6)));
};

/** A value of a metric in its unit. */
export const formatValue = (value: number, unit: string): string => {
  const number = formatNumber(value, unit);
  return unit === 'ns' || unit === 'ratio' || unit === 'count' ? number : `${number} ${unit}`;
};

/** A value beside its limit: all of its digits, whole numbers in groups. */
export const formatExactly = ({ low, high }: Bounds, unit: string): string => {
  const isGrouped = (value: number): boolean => Number.isInteger(value) && unit !== 'ns' && unit !== 'ratio';
  const one = (value: number): string => (isGrouped(value) ? formatValue(value, unit) : exactText(value, unit));
  return low === high ? one(high) : `${one(low)} to ${one(high)}`;
};

/** A value of a suite in one line. */
export const formatWritten = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
