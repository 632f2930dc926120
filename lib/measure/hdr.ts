import { createRequire } from 'node:module';
import type { JsHistogram } from 'hdr-histogram-js';
import { Kvm4nfvError, messageOf } from '../error.js';

type Library = typeof import('hdr-histogram-js');

let library: Library | undefined;

/** Loads hdr-histogram-js when the first histogram is made: it takes 30 ms, which `validate` and `--help` must not pay. */
export const hdr = (): Library => (library ??= createRequire(import.meta.url)('hdr-histogram-js') as Library);

/**
 * Counts are 64-bit floats: exact to 2^53, where 32-bit ones end after four minutes of oslat at 17 M/s. Not WebAssembly, not
 * packed: what is fast is counted densely before (`SampleSink`), a typed array that grows with its largest value is small,
 * and a WebAssembly histogram must be freed by hand.
 */
export const emptyHdr = (digits: 3 | 4): JsHistogram =>
  hdr().build({
    bitBucketSize: 64,
    numberOfSignificantValueDigits: digits,
    autoResize: true,
    highestTrackableValue: 2,
  }) as JsHistogram;

/** Reads a `HISTF...` payload. */
export const decodeHdr = (payload: string): JsHistogram => {
  try {
    return hdr().decodeFromCompressedBase64(payload, 64) as JsHistogram;
  } catch (cause) {
    throw new Kvm4nfvError('usage', `'${payload.slice(0, 20)}...' is no encoded histogram: ${messageOf(cause)}`, {
      cause,
    });
  }
};
