import * as z from 'zod';
import { parseQuantity, rateUnits, sizeUnits, timeUnits } from './quantity.js';
import type { BitsPerSecond, Bytes, Nanoseconds } from './units.js';

const field = <T extends number>(name: string, units: Readonly<Record<string, number>>, example: string) => {
  const names = Object.keys(units);
  return z
    .string({
      error: `expected a ${name} with its unit, such as ${example}`,
    })
    .meta({
      description: `A ${name}: a number and one of ${names.join(', ')}.`,
      examples: [example],
      pattern: `^\\d+(\\.\\d+)?\\s*(${names.join('|').replace('us', '[uµμ]s')})$`,
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
