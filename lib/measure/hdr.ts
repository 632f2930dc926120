import { createRequire } from 'node:module';
import type * as Library from 'hdr-histogram-js';
import { Kvm4nfvError, messageOf } from '../error.js';

let library: typeof Library | undefined;

/** Loads hdr-histogram-js when the first histogram is made: it takes 30 ms, which `validate` and `--help` must not pay. */
export const hdr = (): typeof Library =>
  (library ??= createRequire(import.meta.url)('hdr-histogram-js') as typeof Library);

const plain = (histogram: Library.Histogram): Library.JsHistogram => {
  if (histogram instanceof hdr().JsHistogram) return histogram;
  throw new Kvm4nfvError('internal', 'hdr-histogram-js gave a WebAssembly histogram');
};

/**
 * Counts are 64-bit floats: exact to 2^53, where 32-bit ones end after four minutes of oslat at 17 M/s. Not WebAssembly, not
 * packed: what is fast is counted densely before (`SampleSink`), a typed array that grows with its largest value is small,
 * and a WebAssembly histogram must be freed by hand.
 */
export const emptyHdr = (digits: 3 | 4): Library.JsHistogram =>
  plain(
    hdr().build({
      bitBucketSize: 64,
      numberOfSignificantValueDigits: digits,
      autoResize: true,
      highestTrackableValue: 2,
    }),
  );

/** Reads a `HISTF...` payload. */
export const decodeHdr = (payload: string): Library.JsHistogram => {
  try {
    return plain(hdr().decodeFromCompressedBase64(payload, 64));
  } catch (cause) {
    throw new Kvm4nfvError('E_HISTOGRAM', `'${payload.slice(0, 20)}...' is no encoded histogram: ${messageOf(cause)}`, {
      cause,
    });
  }
};
