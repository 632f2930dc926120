/** Writers for the little of ACPI's machine language (ACPI 6.5, chapter 20) that a table of P-states needs. */

const zero = 0x00;
const byteOp = 0x0a;
const wordOp = 0x0b;
const doubleWordOp = 0x0c;
const nameOp = 0x08;
const scopeOp = 0x10;
const bufferOp = 0x11;
const packageOp = 0x12;

const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'ascii'));
const little = (value: number, bytes: number): Uint8Array =>
  Uint8Array.from({ length: bytes }, (_, index) => Math.floor(value / 2 ** (8 * index)) & 0xff);

export const integer = (value: number): Uint8Array => {
  if (value === 0) return Uint8Array.of(zero);
  if (value <= 0xff) return Uint8Array.of(byteOp, value);
  if (value <= 0xffff) return joined(Uint8Array.of(wordOp), little(value, 2));
  return joined(Uint8Array.of(doubleWordOp), little(value, 4));
};

/** The length of a package counts its own bytes, which are more the longer the package is. */
const withLength = (content: Uint8Array): Uint8Array => {
  if (content.length + 1 <= 0x3f) return joined(Uint8Array.of(content.length + 1), content);
  const more = content.length + 2 <= 0xfff ? 1 : 2;
  const length = content.length + 1 + more;
  const lead = (more << 6) | (length & 0xf);
  return joined(Uint8Array.of(lead), little(length >> 4, more), content);
};

export const buffer = (bytes: Uint8Array): Uint8Array =>
  joined(Uint8Array.of(bufferOp), withLength(joined(integer(bytes.length), bytes)));

export const packageOf = (...elements: readonly Uint8Array[]): Uint8Array =>
  joined(Uint8Array.of(packageOp), withLength(joined(Uint8Array.of(elements.length), ...elements)));

/** `name` has four characters. */
export const named = (name: string, value: Uint8Array): Uint8Array => joined(Uint8Array.of(nameOp), ascii(name), value);

const rootCharacter = 0x5c;
const multiNamePrefix = 0x2f;

/** `path` is counted from the root: its parts, each of four characters. */
export const scope = (path: readonly string[], ...terms: readonly Uint8Array[]): Uint8Array => {
  const name = joined(Uint8Array.of(rootCharacter, multiNamePrefix, path.length), ascii(path.join('')));
  return joined(Uint8Array.of(scopeOp), withLength(joined(name, ...terms)));
};

const smallEnd = Uint8Array.of(0x79, 0x00);

/** A register in I/O space of 8 bits, as a resource template. */
export const ioRegister = (port: number): Uint8Array =>
  buffer(joined(Uint8Array.of(0x82), little(12, 2), Uint8Array.of(0x01, 8, 0, 0), little(port, 8), smallEnd));

/** A secondary description table. `id` has at most eight characters. */
export const secondaryTable = (id: string, ...terms: readonly Uint8Array[]): Uint8Array => {
  const body = joined(...terms);
  const head = (checksum: number): Uint8Array =>
    joined(
      ...[ascii('SSDT'), little(36 + body.length, 4), Uint8Array.of(2, checksum), ascii('KVMNFV')],
      ...[ascii(id.padEnd(8)), little(1, 4), ascii('KNFV'), little(1, 4)],
    );
  const sum = joined(head(0), body).reduce((total, byte) => (total + byte) & 0xff, 0);
  return joined(head((0x100 - sum) & 0xff), body);
};
