import * as z from 'zod';
import type { BitsPerSecond, Bytes, Nanoseconds } from './units.js';

const timeUnits = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, min: 60e9, h: 3600e9, d: 86400e9 } as const;
const sizeUnits = {
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
const rateUnits = { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 } as const;

const quantity = /^(\d+(?:\.\d+)?)\s*([A-Za-z/]+)$/;

/** Reads `<number><unit>`; gives undefined where the text is not of that form or the result is no whole number of base units. */
export const parseQuantity = (text: string, units: Readonly<Record<string, number>>): number | undefined => {
  const match = quantity.exec(text.trim());
  const factor = match?.[2] === undefined || !Object.hasOwn(units, match[2]) ? undefined : units[match[2]];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  // 1.1us is 1100.0000000000002 in binary floating point: round what is within an ulp or so of a whole number.
  const value = Number(match[1]) * factor;
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) && Math.abs(value - whole) <= 1e-9 * Math.max(1, whole) ? whole : undefined;
};

const field = <T extends number>(name: string, units: Readonly<Record<string, number>>, example: string) => {
  const names = Object.keys(units);
  return z
    .string({
      error: (issue) => `expected a ${name} with its unit, such as ${example}, not ${JSON.stringify(issue.input)}`,
    })
    .meta({
      description: `A ${name}: a number and one of ${names.join(', ')}.`,
      examples: [example],
      pattern: `^\\d+(\\.\\d+)?\\s*(${names.join('|')})$`,
    })
    .transform((text, context): T => {
      const value = parseQuantity(text, units);
      if (value !== undefined) return value as T;
      context.issues.push({
        code: 'custom',
        input: text,
        message: `expected a ${name} such as ${example} (units: ${names.join(', ')}), not '${text}'`,
      });
      return z.NEVER;
    });
};

/** `60s`, `1.5ms`, `2h`: becomes whole nanoseconds. */
export const duration = field<Nanoseconds>('duration', timeUnits, '60s');
/** `1GiB`, `512MiB`, `100kB`: becomes whole bytes. */
export const size = field<Bytes>('size', sizeUnits, '512MiB');
/** `10Gbit/s`: becomes whole bits per second. */
export const rate = field<BitsPerSecond>('rate', rateUnits, '10Gbit/s');

export const parseDuration = (text: string): Nanoseconds | undefined => parseQuantity(text, timeUnits);
export const parseSize = (text: string): Bytes | undefined => parseQuantity(text, sizeUnits);
