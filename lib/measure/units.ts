/** A number whose unit is in its type. Plain numbers may be given where a unit is asked for; two units never mix. */
declare const unit: unique symbol;
type In<U extends string> = number & { readonly [unit]?: U };

export type Nanoseconds = In<'ns'>;
export type Bytes = In<'B'>;
export type BitsPerSecond = In<'bit/s'>;

/** Units of metrics. Values are integers in these base units inside; readers see scaled ones. */
export type Unit = 'ns' | 'B' | 'packets' | 'packets/s' | 'bit/s' | 'count' | 'ratio' | '%' | 'MHz';
