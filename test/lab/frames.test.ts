import { expect } from 'chai';
import fc from 'fast-check';
import { decodeArp, encodeArp } from '../../lib/lab/frames/arp.js';
import { ipv4Bytes, ipv4Text, macBytes } from '../../lib/lab/frames/address.js';
import { internetChecksum } from '../../lib/lab/frames/bytes.js';
import { decodeFrame } from '../../lib/lab/frames/decode.js';
import { decodeEthernet, encodeEthernet, etherType, vlan } from '../../lib/lab/frames/ethernet.js';
import { decodeEcho, encodeEcho } from '../../lib/lab/frames/icmp.js';
import { decodeIpv4, encodeIpv4, ipProtocol } from '../../lib/lab/frames/ipv4.js';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':'));
const address = fc.ipV4();
const tag = fc.record({
  id: fc.integer({ min: 0, max: 4095 }),
  priority: fc.integer({ min: 0, max: 7 }),
  dropEligible: fc.boolean(),
  protocol: fc.constantFrom(etherType.vlan, etherType.serviceVlan),
});
const type = fc.constantFrom(etherType.arp, etherType.ipv4, 0x86dd);

describe('Frames of the wire', () => {
  it('come back as they were written: Ethernet with any tags, padded to 60 bytes', () => {
    const frame = fc.record({
      destination: mac,
      source: mac,
      vlans: fc.array(tag, { maxLength: 3 }),
      type,
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(frame, (one) => {
        const bytes = encodeEthernet(one);
        expect(bytes.length).to.be.at.least(60);
        const { payload, ...head } = decodeEthernet(bytes)!;
        const { payload: wanted, ...wantedHead } = one;
        expect(head).to.deep.equal(wantedHead);
        expect([...payload.subarray(0, wanted.length)]).to.deep.equal([...wanted]);
        expect(payload.subarray(wanted.length).every((byte) => byte === 0)).to.be.true;
      }),
    );
  });

  it('come back as they were written: ARP, IPv4 and echoes', () => {
    const arp = fc.record({
      operation: fc.constantFrom('request' as const, 'reply' as const),
      senderMac: mac,
      senderAddress: address,
      targetMac: mac,
      targetAddress: address,
    });
    fc.assert(fc.property(arp, (one) => void expect(decodeArp(encodeArp(one))).to.deep.equal(one)));
    const packet = fc.record({
      source: address,
      destination: address,
      protocol: fc.nat(255),
      ttl: fc.nat(255),
      payload: fc.uint8Array({ maxLength: 1480 }),
    });
    fc.assert(fc.property(packet, (one) => void expect(decodeIpv4(encodeIpv4(one))).to.deep.equal(one)));
    const echo = fc.record({
      kind: fc.constantFrom('request' as const, 'reply' as const),
      identifier: fc.nat(65535),
      sequence: fc.nat(65535),
      data: fc.uint8Array({ maxLength: 100 }),
    });
    fc.assert(fc.property(echo, (one) => void expect(decodeEcho(encodeEcho(one))).to.deep.equal(one)));
  });

  it('never throw, whatever bytes come', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 128 }), (bytes) => void decodeFrame(bytes)));
  });

  it('have the checksum of a header that is well known', () => {
    // The example of Wikipedia's article on the IPv4 header checksum.
    const header = hex('4500 0073 0000 4000 4011 0000 c0a8 0001 c0a8 00c7');
    expect(internetChecksum(header)).to.equal(0xb861);
    const bytes = encodeIpv4({
      source: '192.168.0.1',
      destination: '192.168.0.199',
      protocol: 17,
      ttl: 64,
      payload: new Uint8Array(95),
    });
    expect([...bytes.subarray(0, 20)]).to.deep.equal([...hex('4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7')]);
  });

  it('are read through tags and padding', () => {
    const echo = encodeEcho({ kind: 'request', identifier: 1, sequence: 2, data: Uint8Array.of(3) });
    const payload = encodeIpv4({
      source: '192.0.2.1',
      destination: '192.0.2.2',
      protocol: ipProtocol.icmp,
      ttl: 1,
      payload: echo,
    });
    const head = {
      destination: 'ff:ff:ff:ff:ff:ff',
      source: '02:00:00:00:00:01',
      vlans: [vlan(7), vlan(100, 5)],
      type: etherType.ipv4,
    };
    const read = decodeFrame(encodeEthernet({ ...head, payload }));
    expect(read?.vlans.map(({ id, priority }) => [id, priority])).to.deep.equal([
      [7, 0],
      [100, 5],
    ]);
    expect(read?.echo).to.deep.equal({ kind: 'request', identifier: 1, sequence: 2, data: Uint8Array.of(3) });
  });

  it('with a wrong checksum, a fragment or half a packet are not read', () => {
    const good = encodeIpv4({
      source: '192.0.2.1',
      destination: '192.0.2.2',
      protocol: 1,
      ttl: 1,
      payload: new Uint8Array(8),
    });
    expect(decodeIpv4(good.with(8, 2))).to.be.undefined;
    expect(decodeIpv4(good.subarray(0, 24))).to.be.undefined;
    const echo = encodeEcho({ kind: 'reply', identifier: 1, sequence: 1, data: new Uint8Array(4) });
    expect(decodeEcho(echo.with(9, 1))).to.be.undefined;
    expect(decodeEthernet(new Uint8Array(13))).to.be.undefined;
  });

  it('take no address that is none', () => {
    for (const wrong of ['', '1.2.3', '1.2.3.256', '1.2.3.x', '1.2.3.4.5'])
      expect(() => ipv4Bytes(wrong)).to.throw(/not an IPv4/);
    for (const wrong of ['', '02:00:00:00:00', '02-00-00-00-00-01'])
      expect(() => macBytes(wrong)).to.throw(/not a MAC/);
    expect(ipv4Text(ipv4Bytes('192.0.2.255'))).to.equal('192.0.2.255');
  });
});
