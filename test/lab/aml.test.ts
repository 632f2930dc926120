import { expect } from 'chai';
import { integer, packageOf } from '../../lib/lab/aml.js';
import { defaultPStates, pstateTable } from '../../lib/lab/pstates.js';

/** Length that the bytes at `at` give for a package, those bytes included. */
const packageLength = (bytes: Uint8Array, at: number): number => {
  const lead = bytes[at] ?? 0;
  const more = lead >> 6;
  let length = more === 0 ? lead & 0x3f : lead & 0xf;
  for (let index = 1; index <= more; index++) length |= (bytes[at + index] ?? 0) << (8 * index - 4);
  return length;
};

/** Where each scope of a table starts and ends; throws where they do not fill it. */
const scopes = (table: Uint8Array): readonly (readonly [start: number, end: number])[] => {
  const found: (readonly [number, number])[] = [];
  let at = 36;
  while (at < table.length) {
    expect(table[at], `scope at ${String(at)}`).to.equal(0x10);
    const end = at + 1 + packageLength(table, at + 1);
    found.push([at, end]);
    at = end;
  }
  expect(at).to.equal(table.length);
  return found;
};

describe('The ACPI table of P-states', () => {
  it('has the length and the checksum that its header says', () => {
    const table = pstateTable(4);
    expect(Buffer.from(table).readUInt32LE(4)).to.equal(table.length);
    expect(table.reduce((sum, byte) => (sum + byte) & 0xff, 0)).to.equal(0);
    expect(Buffer.from(table.subarray(0, 4)).toString()).to.equal('SSDT');
  });

  it('has a scope for each CPU, by the name that QEMU gives it', () => {
    const table = Buffer.from(pstateTable(18));
    const names = scopes(table).map(
      ([start, end]) => /_SB_CPUS(C[0-9A-F]{3})/.exec(table.toString('latin1', start, end))?.[1],
    );
    expect(names).to.have.length(18);
    expect([names[0], names[10], names[17]]).to.deep.equal(['C000', 'C00A', 'C011']);
  });

  it('lists each state with its frequency, and keeps its lengths right when they need more bytes', () => {
    const states = Array.from({ length: 40 }, (_, index) => ({
      frequency: 3000 - 50 * index,
      power: 20_000 - 100 * index,
    }));
    const table = Buffer.from(pstateTable(2, states));
    expect(scopes(table)).to.have.length(2);
    for (const { frequency } of states) expect(table.includes(Buffer.from(integer(frequency)))).to.be.true;
    expect(defaultPStates.map(({ frequency }) => frequency)).to.deep.equal([2400, 1800, 1200]);
  });

  it('writes integers and packages as the specification has them', () => {
    expect([...integer(0)]).to.deep.equal([0]);
    expect([...integer(255)]).to.deep.equal([0x0a, 255]);
    expect([...integer(0x960)]).to.deep.equal([0x0b, 0x60, 0x09]);
    expect([...integer(0x12345678)]).to.deep.equal([0x0c, 0x78, 0x56, 0x34, 0x12]);
    expect([...packageOf(integer(0), integer(7))]).to.deep.equal([0x12, 5, 2, 0, 0x0a, 7]);
    const long = packageOf(...Array.from({ length: 40 }, () => integer(200)));
    expect(packageLength(long, 1)).to.equal(long.length - 1);
  });
});
