import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { createVfs } from '../../../lib/contexts/sriov-vf/changes.js';
import { choose } from '../../../lib/contexts/sriov-vf/choose.js';
import { takeInventory } from '../../../lib/contexts/sriov-vf/inventory.js';
import { portsOf, sriovVfOptions } from '../../../lib/contexts/sriov-vf/options.js';
import { carryOut, openUnit, pfUnit } from '../../../lib/contexts/sriov-vf/store.js';
import { readVectors, type Vector } from '../../../lib/contexts/sriov-vf/vectors.js';
import { Kvm4nfvError } from '../../../lib/error.js';
import { localHost } from '../../../lib/host/local.js';
import { openStation } from '../../../lib/lab/station.js';
import { openWire } from '../../../lib/lab/wire.js';
import { rejection } from '../../support/rejection.js';
import { Dut, dyingBefore, tenants } from './lab.js';

const environmentError = async (work: Promise<unknown>): Promise<Kvm4nfvError> => {
  const error = await rejection(work);
  if (!Kvm4nfvError.is(error) || error.fault !== 'environment') throw error;
  return error;
};

/** A VF that was never given a MAC takes a new one with each driver. */
const withoutMacs = (snapshot: string): string => snapshot.replaceAll(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, 'MAC');

describe('VFs of an emulated host', function () {
  this.timeout(15 * 60_000);
  let dut: Dut;

  before(async function () {
    dut = await Dut.needed(this);
  });
  after(async () => {
    await (dut as Dut | undefined)?.[Symbol.asyncDispose]();
  });

  it('are made after the restore of a saved host, since their state would not survive one', async () => {
    expect(await dut.sh('cat /sys/bus/pci/devices/*/sriov_numvfs')).to.equal('0\n0');
  });

  it('are created, set up and bound to vfio-pci, and gone afterwards with everything that was changed for them', async () => {
    const before = await dut.snapshot();
    const deployment = await dut.deploy({
      pf: 'ens102',
      driver: 'vfio-pci',
      vfs: [
        { mac: '52:54:00:99:00:01', vlan: 7, qos: 1 },
        { trust: true, spoof_check: false, max_rate: '100Mbit/s' },
      ],
    });
    expect(deployment.traits['devices']).to.equal(
      '0000:42:10.0 (VF 0 of ens102 (0000:42:00.0)), 0000:42:10.2 (VF 1 of ens102 (0000:42:00.0))',
    );
    expect(deployment.traits['deviceNode']).to.equal('1');
    const shown = await dut.sh('ip link show dev ens102');
    expect(shown).to.match(/vf 0 .*52:54:00:99:00:01.*vlan 7, qos 1/);
    expect(shown).to.match(/vf 1 .*max_tx_rate 100Mbps.*spoof checking off.*trust on/);
    expect(await dut.sh('basename "$(readlink /sys/bus/pci/devices/0000:42:10.0/driver)"')).to.equal('vfio-pci');
    await deployment[Symbol.asyncDispose]();
    expect(await dut.snapshot()).to.equal(before);
  });

  it('are refused where the driver of the PF does not do what is asked, and then nothing is left', async () => {
    const before = await dut.snapshot();
    const { message } = await environmentError(dut.deploy({ pf: 'ens102', vfs: [{ link_state: 'enable' }] }));
    expect(message).to.include('state of VF 0 of 0000:42:00.0: RTNETLINK answers: Operation not supported');
    expect(await dut.snapshot()).to.equal(before);
  });

  it('are shared by contexts of one run, and go with the last of them', async () => {
    const before = await dut.snapshot();
    const first = await dut.deploy({ pf: 'ens102', create: 2, driver: 'vfio-pci' }, { name: 'one' });
    const second = await dut.deploy({ pf: 'ens102', driver: 'vfio-pci' }, { name: 'two' });
    expect(second.traits['devices']).to.include('VF 1');
    const { message } = await environmentError(dut.deploy({ pf: 'ens102' }, { run: 'run-2' }));
    expect(message).to.include('belongs to run run-1, which made the VFs');
    await first[Symbol.asyncDispose]();
    expect(await dut.sh('cat /sys/bus/pci/devices/0000:42:00.0/sriov_numvfs')).to.equal('2');
    await second[Symbol.asyncDispose]();
    expect(await dut.snapshot()).to.equal(before);
  });

  it('are refused beyond the limit of the NIC, and of a NIC without SR-IOV', async () => {
    expect((await environmentError(dut.deploy({ pf: 'ens102', vfs: 8 }))).message).to.include(
      'can have 7 VFs, and 8 are asked for',
    );
    expect((await environmentError(dut.deploy({ pf: 'mgmt0' }))).message).to.include('has no SR-IOV');
  });

  it('are refused on a port without a line, which is down again then', async () => {
    const before = await dut.snapshot();
    const monitor = await dut.machine.monitor();
    try {
      await monitor.execute('set_link', { name: 'port1', up: false });
      expect((await environmentError(dut.deploy({ pf: 'ens102' }))).message).to.include(
        'ens102 (0000:42:00.0) has no link',
      );
    } finally {
      await monitor.execute('set_link', { name: 'port1', up: true });
      await monitor[Symbol.asyncDispose]();
    }
    expect(await dut.snapshot()).to.equal(before);
  });

  it('can be left for the whole port, which comes back with its driver, name and link state', async () => {
    await dut.sh('ip link set ens102 up mtu 1400');
    const before = await dut.snapshot();
    const deployment = await dut.deploy({ pf: 'ens102', passthrough: 'pf', in: 'host' });
    expect(await dut.sh('basename "$(readlink /sys/bus/pci/devices/0000:42:00.0/driver)"')).to.equal('vfio-pci');
    await deployment[Symbol.asyncDispose]();
    expect(await dut.snapshot()).to.equal(before);
    await dut.sh('ip link set ens102 down mtu 1500');
  });

  it('that were there on a port that was down stay what they were, though a run brought the port up', async () => {
    const count = 'printf %s "$1" >/sys/bus/pci/devices/0000:42:00.0/sriov_numvfs; udevadm settle --timeout=30';
    await dut.sh(count, '2');
    try {
      const before = await dut.snapshot();
      const options = { pf: 'ens102', driver: 'vfio-pci', vfs: [{ vlan: 9 }] };
      const deployment = await dut.deploy(options);
      const { message } = await environmentError(dut.deploy(options, { run: 'run-2' }));
      expect(message).to.include('belongs to run run-1, which brought 0000:42:00.0 up and will take it down again');
      await deployment[Symbol.asyncDispose]();
      expect(withoutMacs(await dut.snapshot())).to.equal(withoutMacs(before));
    } finally {
      await dut.sh(count, '0');
    }
  });

  it('find their drivers by themselves again, though the host died between their making and that', async () => {
    const before = await dut.snapshot();
    const inventory = await takeInventory(dut.host);
    const pf = inventory.nics.find(({ link }) => link?.name === 'ens102');
    if (pf === undefined) throw new Error('no ens102');
    const unit = { run: 'run-1', unit: pfUnit(pf.address), bootId: inventory.bootId };
    await openUnit(dut.host, unit.run, unit.unit);
    await carryOut(dut.host, unit, createVfs(pf, 1).slice(0, -1));
    expect(await dut.sh('cat /sys/bus/pci/devices/0000:42:00.0/sriov_drivers_autoprobe')).to.equal('0');
    await dut.sweep();
    expect(await dut.snapshot()).to.equal(before);
  });

  describe('whose port has VFs of other owners', () => {
    before(async () => {
      await dut.sh(tenants);
    });

    it('are the free ones, in a namespace with a VLAN that is seen on the wire, and none is made anew', async () => {
      const before = await dut.snapshot();
      const deployment = await dut.deploy({
        pf: 'ens101',
        in: 'namespace',
        vfs: [{ vlan: 100, mac: '52:54:00:99:00:05', address: '198.51.100.5/24' }],
      });
      expect(deployment.traits['devices']).to.equal('0000:41:11.2 (VF 5 of ens101 (0000:41:00.0))');
      const wire = await openWire(dut.machine.wire);
      const station = openStation(wire, { mac: '02:00:00:00:00:09', address: '198.51.100.9', vlan: 100 });
      try {
        const { received, vlans, mac } = await station.ping('198.51.100.5', { count: 3, timeout: 20_000 });
        expect([received, mac, vlans.flat()]).to.deep.equal([3, '52:54:00:99:00:05', [100, 100, 100]]);
      } finally {
        await station[Symbol.asyncDispose]();
        await wire[Symbol.asyncDispose]();
      }
      const listed = JSON.parse(await readFile(`${dut.directory}/vectors.json`, 'utf8')) as Vector[];
      expect(deployment.traits['vectors']).to.match(new RegExp(`^${String(listed.length)} on CPUs [0-3,-]+$`));
      const vectors = await readVectors(dut.host, ['0000:41:11.2']);
      expect(listed.map(({ irq, name }) => [irq, name])).to.deep.equal(vectors.map(({ irq, name }) => [irq, name]));
      expect(vectors.map(({ name }) => name)).to.include('ens101v5-rx-0');
      expect(vectors.reduce((sum, { count }) => sum + count, 0)).to.be.above(3);
      expect(
        vectors.every(
          ({ affinity, effective }) => affinity.length > 0 && effective.every((cpu) => affinity.includes(cpu)),
        ),
      ).to.equal(true);
      await deployment[Symbol.asyncDispose]();
      expect(await dut.snapshot()).to.equal(before);
    });

    it('are refused with the names of the owners where the free ones do not suffice', async () => {
      const before = await dut.snapshot();
      const { message } = await environmentError(dut.deploy({ pf: 'ens101', vfs: 2 }));
      for (const owner of [
        'somebody who bound it to vfio-pci',
        'domain tenant',
        'network namespace tenant',
        'interface ens101v3, which is up',
        'interface ens101v4 with 192.0.2.77/24',
      ])
        expect(message).to.include(owner);
      expect(await dut.snapshot()).to.equal(before);
    });

    it('are as they were before after a cleanup, whichever step the controller died at', async function () {
      this.timeout(30 * 60_000);
      const before = await dut.snapshot();
      const pfs = [
        { pf: 'ens101', vfs: [{ vlan: 100, mac: '52:54:00:99:00:05' }] },
        { pf: 'ens102', vfs: [{ trust: true }] },
      ];
      let steps = 0;
      for (let finished = false; !finished; steps++) {
        const { host, dead } = dyingBefore(dut.host, steps);
        const deploying = dut.deploy({ in: 'namespace', pfs }, { host }).then(() => 'deployed');
        finished = (await Promise.race([deploying, dead])) === 'deployed';
        await dut.sweep();
        expect(await dut.snapshot(), `dead before command ${String(steps)}`).to.equal(before);
      }
      expect(steps).to.be.above(8);
      expect(await dut.sweep()).to.deep.equal([]);
    });
  });
});

describe('NICs of this machine', () => {
  it('are looked at without a change; those without SR-IOV are refused by name', async function () {
    if (process.getuid?.() !== 0) this.skip();
    const inventory = await takeInventory(localHost());
    const nic = inventory.nics.find(({ totalVfs, link }) => totalVfs === undefined && link !== undefined);
    if (nic?.link === undefined) this.skip();
    const wishes = portsOf(sriovVfOptions.parse({ pf: nic.link.name }));
    const choice = choose(wishes, {
      inventory,
      asker: { run: 'r', context: 'c' },
      passthrough: false,
      node: undefined,
    });
    expect('refusals' in choice && choice.refusals[0]?.message).to.include(`${nic.link.name} (${nic.address})`);
  });
});

describe('an emulated host without an IOMMU', function () {
  this.timeout(15 * 60_000);
  it('is told the kernel parameter', async function () {
    const dut = await Dut.needed(this, { iommu: 'none' });
    try {
      const { message, hint } = await environmentError(dut.deploy({ driver: 'vfio-pci' }));
      expect(message).to.include('the IOMMU is off');
      expect(hint).to.include('amd_iommu=on iommu=pt');
    } finally {
      await dut[Symbol.asyncDispose]();
    }
  });
});
