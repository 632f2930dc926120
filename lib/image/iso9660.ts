const sector = 2048;

/** Numbers stand in both byte orders, one after the other (ECMA-119, 7.2.3 and 7.3.3). */
const both16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt16LE(value, 0);
  bytes.writeUInt16BE(value, 2);
  return bytes;
};

const both32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(value, 0);
  bytes.writeUInt32BE(value, 4);
  return bytes;
};

/** 1 January 2024, in the seven bytes of a directory record. */
const recordDate = Buffer.from([124, 1, 1, 0, 0, 0, 0]);
const noDate = Buffer.from('0000000000000000\0', 'latin1');
const volumeDate = Buffer.from('2024010100000000\0', 'latin1');

/** ECMA-119, 9.1. */
const record = (name: Buffer, extent: number, size: number, directory: boolean): Buffer => {
  const padding = Buffer.alloc(name.length % 2 === 0 ? 1 : 0);
  const rest = [
    Buffer.from([0]),
    both32(extent),
    both32(size),
    recordDate,
    Buffer.from([directory ? 2 : 0, 0, 0]),
    both16(1),
    Buffer.from([name.length]),
    name,
    padding,
  ];
  const body = Buffer.concat(rest);
  return Buffer.concat([Buffer.from([body.length + 1]), body]);
};

const text = (value: string, length: number): Buffer =>
  Buffer.from(value.padEnd(length, ' ').slice(0, length), 'latin1');

const padded = (bytes: Buffer, to: number): Buffer =>
  Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)]);

/** ECMA-119, 8.4. */
const primaryDescriptor = (label: string, sectors: number, pathTableSize: number, root: Buffer): Buffer => {
  const pathTables = Buffer.alloc(16);
  pathTables.writeUInt32LE(18, 0);
  pathTables.writeUInt32BE(19, 8);
  const head = [
    Buffer.from([1]),
    text('CD001', 5),
    Buffer.from([1, 0]),
    text('', 32),
    text(label, 32),
    Buffer.alloc(8),
  ];
  const numbers = [both32(sectors), Buffer.alloc(32), both16(1), both16(1), both16(sector), both32(pathTableSize)];
  const names = [text('', 4 * 128), text('', 3 * 37)];
  const dates = [volumeDate, volumeDate, noDate, noDate, Buffer.from([1, 0])];
  return padded(Buffer.concat([...head, ...numbers, pathTables, root, ...names, ...dates]), sector);
};

/**
 * A small ISO 9660 image (ECMA-119) with a few files in its root directory, for cloud-init's NoCloud: made here, so that
 * the host needs no tool for it. Linux shows the names in lower case. `files`: at most 30, by name.
 */
export const iso9660 = (label: string, files: ReadonlyMap<string, string>): Buffer => {
  const contents = [...files]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => ({ name, bytes: Buffer.from(value) }));
  const rootExtent = 20;
  let next = rootExtent + 1;
  const records = contents.map(({ name, bytes }) => {
    const extent = next;
    next += Math.max(1, Math.ceil(bytes.length / sector));
    return record(Buffer.from(`${name.toUpperCase()};1`, 'latin1'), extent, bytes.length, false);
  });
  const self = record(Buffer.from([0]), rootExtent, sector, true);
  const parent = record(Buffer.from([1]), rootExtent, sector, true);
  const pathTable = (bigEndian: boolean): Buffer => {
    const bytes = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    if (bigEndian) bytes.writeUInt32BE(rootExtent, 2);
    else bytes.writeUInt32LE(rootExtent, 2);
    if (bigEndian) bytes.writeUInt16BE(1, 6);
    else bytes.writeUInt16LE(1, 6);
    return bytes;
  };
  const end = padded(Buffer.concat([Buffer.from([255]), text('CD001', 5), Buffer.from([1])]), sector);
  const data = contents.map(({ bytes }) => padded(bytes.length === 0 ? Buffer.alloc(1) : bytes, sector));
  return Buffer.concat([
    Buffer.alloc(16 * sector),
    primaryDescriptor(label, next, 10, self),
    end,
    padded(pathTable(false), sector),
    padded(pathTable(true), sector),
    padded(Buffer.concat([self, parent, ...records]), sector),
    ...data,
  ]);
};
