import { deflateSync, inflateSync } from 'node:zlib';
import { Kvm4nfvError, messageOf } from '../error.js';
import type { Bin } from './bin.js';
import { decodeHdr, emptyHdr, hdr } from './hdr.js';

/** Bins as they stand in a result, in base units. */
export interface EncodedBins {
  /** HdrHistogram V2, deflated, base64 (`HISTF...`). */
  readonly payload: string;
  /** All bins, where the payload would mix some: lines `value count`, values in units of the resolution, deflated, base64. */
  readonly bins?: string;
}

/** The least value that HDR of so many digits does not tell from its neighbour. */
const subBuckets = { 3: 2048, 4: 32_768 } as const;

/** Four digits where the resolution is coarser than the unit: three would put 1049 us and 1050 us into one bin of 1024 ns. */
export const digitsFor = (resolution: number): 3 | 4 => (resolution === 1 ? 3 : 4);

const most = 2 ** 28;

/** `bins`: in units of the resolution. */
export const encodeBins = (bins: readonly Bin[], resolution: number): EncodedBins => {
  const digits = digitsFor(resolution);
  const whole = emptyHdr(digits);
  for (const { to, count } of bins) whole.recordValueWithCount(to * resolution, count);
  const payload = hdr().encodeIntoCompressedBase64(whole);
  // Multiples of the resolution are told apart as long as no bin is wider than that.
  const toldApart = subBuckets[digits] * 2 ** Math.floor(Math.log2(resolution));
  if ((bins.at(-1)?.to ?? 0) * resolution < toldApart) return { payload };
  const lines = bins.map(({ to, count }) => `${String(to)} ${String(count)}\n`).join('');
  return { payload, bins: deflateSync(lines).toString('base64') };
};

const readLines = function* (encoded: string): Generator<Bin> {
  let text;
  try {
    text = inflateSync(Buffer.from(encoded, 'base64'), { maxOutputLength: most }).toString('latin1');
  } catch (cause) {
    throw new Kvm4nfvError('E_HISTOGRAM', `the bins of a histogram can't be unpacked: ${messageOf(cause)}`, { cause });
  }
  for (const line of text.split('\n').slice(0, -1)) {
    const [value = NaN, count = NaN] = line.split(' ').map(Number);
    if (!Number.isSafeInteger(value) || value < 0 || !Number.isSafeInteger(count) || count < 1)
      throw new Kvm4nfvError('E_HISTOGRAM', `'${line.slice(0, 40)}' is no bin of a histogram`);
    yield { from: value, to: value, count };
  }
};

/** In units of the resolution. Fault `usage` where it is not what {@link encodeBins} writes. */
export const decodeBins = function* ({ payload, bins }: EncodedBins, resolution: number): Generator<Bin> {
  if (bins !== undefined) {
    yield* readLines(bins);
    return;
  }
  const whole = decodeHdr(payload);
  for (let index = 0; index < whole.countsArrayLength; index++) {
    const count = whole.getCountAtIndex(index);
    if (count === 0) continue;
    const value = Math.floor(whole.highestEquivalentValue(whole.valueFromIndex(index)) / resolution);
    yield { from: value, to: value, count };
  }
};
