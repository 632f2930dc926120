/** What of a file its header is read from. */
export interface FileBytes {
  /** Its first bytes, {@link headLength} of them or all there are. */
  readonly head: Uint8Array;
  /** Its last bytes, {@link tailLength} of them or all there are: some formats have a footer. */
  readonly tail: Uint8Array;
  /** Bytes of the whole file. */
  readonly size: number;
}

/** Bytes. The label of an ISO 9660 file system is behind its first 32 KiB; a qcow2's header is within its first cluster of 64. */
export const headLength = 68 * 1024;
export const tailLength = 512;

export const textAt = (bytes: Uint8Array, at: number, length: number): string =>
  Buffer.from(bytes.subarray(at, at + length)).toString('latin1');

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A big-endian number; undefined where the bytes end before it. */
export const u32 = (bytes: Uint8Array, at: number): number | undefined =>
  at + 4 <= bytes.length ? view(bytes).getUint32(at) : undefined;

export const u64 = (bytes: Uint8Array, at: number): bigint | undefined =>
  at + 8 <= bytes.length ? view(bytes).getBigUint64(at) : undefined;
