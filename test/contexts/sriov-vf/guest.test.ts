import { expect } from 'chai';
import { localHost } from '../../../lib/host/local.js';
import { buildImage } from '../../../lib/image/build.js';
import { builtInManifest } from '../../../lib/image/manifest.js';
import { openStation } from '../../../lib/lab/station.js';
import { openWire } from '../../../lib/lab/wire.js';
import { Dut } from './lab.js';

const image = 'debian-12-generic';
const guest = { image, vcpus: 1, memory: '384MiB', accelerator: 'kvm', boot_timeout: '15m' };

describe('KVM guests with VFs, in an emulated host', function () {
  this.timeout(30 * 60_000);
  let dut: Dut;
  before(async function () {
    dut = await Dut.needed(this);
    // The emulated host sees this machine's image cache and can't add to it.
    await buildImage(localHost(), builtInManifest(image));
    // Two guests do not fit beside it into the memory of the NIC's node.
    await dut.sh('echo 0 >/sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages');
  });
  after(async () => {
    await (dut as Dut | undefined)?.[Symbol.asyncDispose]();
  });

  const answers = async (address: string, vlan?: number) => {
    const wire = await openWire(dut.machine.wire);
    const station = openStation(wire, {
      mac: '02:00:00:00:00:09',
      address: '198.51.100.9',
      ...(vlan === undefined ? {} : { vlan }),
    });
    try {
      const { received, mac, vlans } = await station.ping(address, { count: 3, interval: 500, timeout: 20_000 });
      return { received, mac, tags: vlans.flat() };
    } finally {
      await station[Symbol.asyncDispose]();
      await wire[Symbol.asyncDispose]();
    }
  };

  it('answer on the wire through the VFs of two ports, given as interface and as hostdev, and leave nothing, though one QEMU was killed', async () => {
    const before = await dut.snapshot();
    const guests: readonly (readonly [string, object])[] = [
      [
        'one',
        { pf: 'ens101', guest, vfs: [{ vlan: 100, qos: 3, mac: '52:54:00:99:00:01', address: '198.51.100.1/24' }] },
      ],
      [
        'two',
        { pf: 'ens102', attach: 'hostdev', guest, vfs: [{ mac: '52:54:00:99:00:02', address: '198.51.100.2/24' }] },
      ],
    ];
    const deploying = await Promise.allSettled(guests.map(([name, options]) => dut.deploy(options, { name })));
    const made = deploying.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    try {
      expect(deploying.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []))).to.deep.equal([]);
      const [first, second] = made;
      expect(first?.traits).to.deep.include({
        attach: 'interface',
        driver: 'vfio-pci',
        deviceNode: '1',
        userNode: '1',
        numaLocal: true,
        accelerator: 'kvm',
      });
      expect(second?.traits['attach']).to.equal('hostdev');
      expect(await answers('198.51.100.1', 100)).to.deep.equal({
        received: 3,
        mac: '52:54:00:99:00:01',
        tags: [100, 100, 100],
      });
      expect(await answers('198.51.100.2')).to.deep.equal({ received: 3, mac: '52:54:00:99:00:02', tags: [] });
      expect(await dut.sh('ip link show dev ens101')).to.match(/vf 0 .*vlan 100, qos 3/);
      await dut.sh(
        'for path in /proc/[0-9]*; do tr "\\0" " " <"$path/cmdline" | grep -q "^[^ ]*qemu-system.*guest=two-" && kill -9 "${path#/proc/}"; done; exit 0',
      );
    } finally {
      await Promise.all(made.map((deployment) => deployment[Symbol.asyncDispose]()));
    }
    expect(await dut.snapshot()).to.equal(before);
  });

  it('can have a whole port, which is the host’s again afterwards', async () => {
    const before = await dut.snapshot();
    const deployment = await dut.deploy({
      pf: 'ens102',
      passthrough: 'pf',
      guest,
      vfs: [{ address: '198.51.100.3/24' }],
    });
    try {
      expect(deployment.traits).to.deep.include({ attach: 'hostdev', driver: 'vfio-pci', numaLocal: true });
      expect((await answers('198.51.100.3')).received).to.equal(3);
    } finally {
      await deployment[Symbol.asyncDispose]();
    }
    expect(await dut.snapshot()).to.equal(before);
  });
});
