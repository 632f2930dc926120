/** Digits after the point of a number as it is written. */
const decimals = (value: number): number => {
  const [, fraction = '', exponent = '0'] = /^-?\d+(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return Math.max(0, fraction.length - Number(exponent));
};

/** `value` times 10^`places`, exactly: it has no more decimals than that. */
const scaled = (value: number, places: number): bigint => {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? [];
  return BigInt(`${sign}${whole}${fraction}`) * 10n ** BigInt(places - fraction.length + Number(exponent));
};

/** `units` divided by 10^`places`, as the number that is written so. */
const unscaled = (units: bigint, places: number): number => Number(`${String(units)}e-${String(places)}`);

/**
 * `first`, `first + stride`, ... not beyond `last`, in decimal arithmetic: 0.1 to 0.3 by 0.1 is 0.1, 0.2, 0.3. Undefined where it never
 * ends, or has more than `most` values.
 */
export const range = (first: number, last: number, stride: number, most: number): readonly number[] | undefined => {
  if (![first, last, stride].every(Number.isFinite) || stride === 0) return undefined;
  const places = Math.max(...[first, last, stride].map(decimals));
  const [from, to, step] = [scaled(first, places), scaled(last, places), scaled(stride, places)];
  const distance = step > 0n ? to - from : from - to;
  if (distance < 0n) return undefined;
  const steps = distance / (step > 0n ? step : -step);
  if (steps >= BigInt(most)) return undefined;
  return Array.from({ length: Number(steps) + 1 }, (_, index) => unscaled(from + BigInt(index) * step, places));
};
