import { isWhole, product, ratioOf } from './ratio.js';
import type { Unit } from './units.js';

export const timeUnits = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, min: 60e9, h: 3600e9, d: 86400e9 } as const;
export const sizeUnits = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;
export const rateUnits = { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 } as const;

/** How each unit of metrics may be written, with its factor to the base unit; '' is a number without a unit. */
export const spellings: Readonly<Record<Unit, Readonly<Record<string, number>>>> = {
  ns: timeUnits,
  B: sizeUnits,
  'bit/s': rateUnits,
  packets: { '': 1, packets: 1 },
  'packets/s': { 'packets/s': 1, pps: 1, kpps: 1e3, Mpps: 1e6 },
  count: { '': 1 },
  ratio: { '': 1, '%': 0.01 },
  '%': { '%': 1 },
  MHz: { MHz: 1, GHz: 1e3 },
};

const quantity = /^(\d+(?:\.\d+)?)\s*([A-Za-zµμ/]+)$/;

/** Unicode has two micro signs, and keyboards give either. */
export const withoutMicro = (unit: string): string => unit.replace(/^[µμ]s$/, 'us');

/** Reads `<number><unit>`; gives undefined where the text is not of that form or the result is no whole number of base units. */
export const parseQuantity = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const match = quantity.exec(text.trim());
  const unit = withoutMicro(match?.[2] ?? '');
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const number = Number(match?.[1]);
  if (factor === undefined || !Number.isFinite(number)) return undefined;
  const exact = product(ratioOf(number), ratioOf(factor));
  const whole = Number(exact.numerator / exact.denominator);
  return isWhole(exact) && Number.isSafeInteger(whole) ? whole : undefined;
};
