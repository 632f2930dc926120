import { Kvm4nfvError } from '../error.js';

/** An exact number: neither decimals nor shares go through binary fractions. The denominator is above 0. */
export interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The number as it is written: 0.7 is seven tenths, not the binary fraction next to it. Fault `internal` where it is not finite. */
export const ratioOf = (value: number): Ratio => {
  const written = /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (written === null) throw new Kvm4nfvError('internal', `${String(value)} is no finite number`);
  const [, whole = '', fraction = '', exponent = '0'] = written;
  const digits = BigInt(whole + fraction);
  const scale = fraction.length - Number(exponent);
  return scale >= 0
    ? { numerator: digits, denominator: 10n ** BigInt(scale) }
    : { numerator: digits * 10n ** BigInt(-scale), denominator: 1n };
};

export const product = (a: Ratio, b: Ratio): Ratio => ({
  numerator: a.numerator * b.numerator,
  denominator: a.denominator * b.denominator,
});

/** Below 0 where `a` is less than `b`, 0 where they are equal, else above 0. */
export const compare = (a: Ratio, b: Ratio): number => {
  const [left, right] = [a.numerator * b.denominator, b.numerator * a.denominator];
  return left < right ? -1 : left > right ? 1 : 0;
};

export const isWhole = ({ numerator, denominator }: Ratio): boolean => numerator % denominator === 0n;

/** The number next to it. */
export const toNumber = ({ numerator, denominator }: Ratio): number =>
  denominator === 1n ? Number(numerator) : Number(numerator) / Number(denominator);
