import { expect } from 'chai';
import { Kvm4nfvError } from '../../lib/error.js';
import { changeDocument } from '../../lib/libvirt/save-image.js';

const saved = (xml: string, cookie: string, length: number, stream: string): Buffer => {
  const header = Buffer.alloc(92);
  header.write('LibvirtQemudSave', 'latin1');
  header.writeUInt32LE(2, 16);
  header.writeUInt32LE(length, 20);
  header.writeUInt32LE(1, 24);
  header.writeUInt32LE(xml.length + 1, 32);
  const data = Buffer.alloc(length);
  data.write(`${xml}\0${cookie}\0`);
  return Buffer.concat([header, data, Buffer.from(stream)]);
};

describe('a saved state given another document', () => {
  it('keeps the length of the header, the cookie and where the stream begins', () => {
    const before = saved('<domain/>', '<cookie/>', 4096, 'stream');
    const head = changeDocument(before, (xml) => xml.replace('/>', '><name>other</name></domain>'));
    expect(head).to.have.length(92 + 4096);
    expect(head.subarray(92).toString().split('\0').slice(0, 2)).to.deep.equal([
      '<domain><name>other</name></domain>',
      '<cookie/>',
    ]);
    expect(head.readUInt32LE(32)).to.equal('<domain><name>other</name></domain>'.length + 1);
    expect(head.readUInt32LE(24)).to.equal(1);
    expect(changeDocument(Buffer.concat([head, Buffer.from('stream')]), () => '<domain/>')).to.deep.equal(
      before.subarray(0, 92 + 4096),
    );
  });

  it('refuses what does not fit, is cut short, of another version, or no saved state at all', () => {
    const state = saved('<domain/>', '<cookie/>', 64, '');
    const refused = (bytes: Buffer, xml = '<domain/>'): string => {
      try {
        changeDocument(bytes, () => xml, 'state.img');
      } catch (error) {
        expect(Kvm4nfvError.is(error)).to.equal(true);
        return (error as Error).message;
      }
      return '';
    };
    expect(refused(state, 'x'.repeat(64))).to.match(/does not fit into its 64/);
    expect(refused(state.subarray(0, 100))).to.match(/cut short/);
    expect(refused(Buffer.from('something else, and long enough for a header'))).to.match(/does not begin/);
    const newer = Buffer.from(state);
    newer.writeUInt32LE(3, 16);
    expect(refused(newer)).to.match(/version 3/);
  });
});
