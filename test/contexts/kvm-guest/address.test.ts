import { expect } from 'chai';
import { neighbourOf } from '../../../lib/contexts/kvm-guest/address.js';
import { identify } from '../../../lib/contexts/kvm-guest/domain.js';

const table = `IP address       HW type     Flags       HW address            Mask     Device
203.0.113.29     0x1         0x2         52:6f:03:fb:6c:6a     *        kvmbr1
203.0.113.30     0x1         0x0         52:6f:03:fb:6c:6b     *        kvmbr1
`;

describe('Addresses of a guest', () => {
  it('are found by the hardware address in the neighbour table, incomplete entries aside', () => {
    expect(neighbourOf(table, '52:6f:03:fb:6c:6a')).to.equal('203.0.113.29');
    expect(neighbourOf(table, '52:6f:03:fb:6c:6b')).to.equal(undefined);
    expect(neighbourOf(table, '52:00:00:00:00:01')).to.equal(undefined);
    expect(neighbourOf('', '52:6f:03:fb:6c:6a')).to.equal(undefined);
  });

  it('names, UUIDs and hardware addresses differ between runs and contexts, and fit', () => {
    const all = Array.from({ length: 500 }, (_, number) =>
      identify(`run-${String(number >> 3)}`, `guest-${String(number & 7)}`, undefined),
    );
    for (const field of ['name', 'uuid', 'mac', 'directory'] as const)
      expect(new Set(all.map((one) => one[field])).size, field).to.equal(all.length);
    for (const { mac, uuid } of all) {
      expect(mac).to.match(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/);
      // Unicast, locally administered.
      expect(Number.parseInt(mac.slice(0, 2), 16) & 3).to.equal(2);
      expect(uuid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    expect(identify('run', 'guest', undefined)).to.deep.equal(identify('run', 'guest', undefined));
  });
});
