import { randomUUID } from 'node:crypto';
import { appendFileSync, readdirSync } from 'node:fs';
import { expect } from 'chai';
import type { Host } from '../../lib/host/host.js';
import { localHost } from '../../lib/host/local.js';
import type { Definition } from '../../lib/lab/definition.js';
import { attachVirtualHost, listVirtualHosts } from '../../lib/lab/find.js';
import { labDirectory } from '../../lib/lab/places.js';
import { portMac } from '../../lib/lab/ports.js';
import { virtualHostCommandLine } from '../../lib/lab/restart.js';
import { machineDigest, saveState, type SavedState } from '../../lib/lab/saved.js';
import { startVirtualHost } from '../../lib/lab/start.js';
import { savedState } from '../../lib/lab/state.js';
import { openStation } from '../../lib/lab/station.js';
import { sweepVirtualHosts, type VirtualHost } from '../../lib/lab/virtual-host.js';
import { openWire } from '../../lib/lab/wire.js';
import { applyTuning } from '../../lib/tuning/engine.js';
import { processesWith } from '../support/processes.js';
import { rejection } from '../support/rejection.js';
import { tuningOf } from '../tuning/machine.js';
import { labDefinition } from './lab.js';
import { refusal } from './refusal.js';

// Igb's names come from the slots of its root ports.
const [first, second] = ['ens101', 'ens102'];

describe('A virtual host restored from its saved state', function () {
  this.timeout(30 * 60_000);
  const host = localHost();
  const run = `labtest-${randomUUID().slice(0, 8)}`;
  const machines: VirtualHost[] = [];
  const guests: Host[] = [];
  let definition: Definition;
  let withVfs: Definition;
  let state: SavedState;
  let dut: Host;

  before(async function () {
    const found = await labDefinition(host);
    if (typeof found === 'string') {
      console.log(`    skipped: ${found}`);
      this.skip();
    }
    definition = found;
    withVfs = { ...definition, options: { ...definition.options, vfs: 1 } };
    state = await savedState(host, definition, { run });
    const started = await Promise.all(
      Object.entries({ a: definition, b: withVfs }).map(([name, one]) =>
        startVirtualHost(host, one, { run, name, hostname: name, state }),
      ),
    );
    machines.push(...started);
    guests.push(...(await Promise.all(started.map((machine) => machine.connect()))));
    dut = guests[0]!;
  });
  after(async () => {
    for (const guest of guests) await guest[Symbol.asyncDispose]();
    for (const machine of machines) await machine[Symbol.asyncDispose]();
    const lab = await labDirectory(host);
    expect(readdirSync(`${lab}/machines`)).not.to.include(run);
  });

  const text = async (script: string, ...values: string[]): Promise<string> =>
    (await dut.exec(['sh', '-euc', script, 'sh', ...values], { timeout: 120_000 })).stdout.trim();

  it('has its NIC, on the last node, and its IOMMU', async () => {
    expect(await text('lspci -d 8086:10c9 | wc -l')).to.equal('2');
    expect(await text('cat /sys/class/net/"$1"/device/numa_node', first)).to.equal('1');
    expect(await text('cat /sys/class/net/"$1"/address', first)).to.equal(
      portMac(machineDigest(definition.options), 0),
    );
    expect(Number(await text('ls /sys/kernel/iommu_groups | wc -l'))).to.be.above(4);
    expect(await text('dmesg')).to.match(/DMAR-IR: Enabled IRQ remapping/);
  });

  it('has two NUMA nodes, SMT, KVM and huge pages of both sizes', async () => {
    expect(await text('cat /sys/devices/system/node/online')).to.equal('0-1');
    expect(await text('cat /sys/devices/system/cpu/cpu2/topology/thread_siblings_list')).to.equal('2-3');
    expect(await text('cat /sys/module/kvm_amd/parameters/npt; test -c /dev/kvm')).to.equal('Y');
    expect(await text('cat /sys/kernel/mm/hugepages/hugepages-*/nr_hugepages | sort -n | tr "\\n" " "')).to.equal(
      '1 64',
    );
    expect(await text('cat /sys/class/dmi/id/product_name')).to.equal('virtual-host');
    expect(await text('systemctl --failed --no-legend')).to.equal('');
  });

  it('knows its hypervisor already, and sees the images of the controller', async () => {
    const known = 'ls --full-time /var/cache/libvirt/qemu/capabilities/*.xml';
    const before = await text(known);
    expect(before).to.include('.xml');
    expect(await text('virsh domcapabilities --machine q35 --virttype kvm')).to.include('<domain>kvm</domain>');
    expect(await text(known), 'libvirt has not looked again').to.equal(before);
    expect(await text('ls /var/cache/kvm4nfv/images')).to.include(definition.image.digest);
  });

  it('has taken over a name, an id and a time of its own', async () => {
    const other = guests[1]!;
    const names = await Promise.all(guests.map(async (guest) => (await guest.read('/etc/hostname')).trim()));
    expect(names).to.deep.equal(['a', 'b']);
    expect(await dut.read('/etc/machine-id')).not.to.equal(await other.read('/etc/machine-id'));
    const clock = Number((await dut.exec(['date', '+%s'])).stdout);
    expect(Math.abs(clock - Date.now() / 1000)).to.be.below(60);
  });

  it('has the VFs that were asked for, though all come from one saved state', async () => {
    const made = await Promise.all(
      guests.map((guest) => guest.exec(['sh', '-c', 'cat /sys/bus/pci/devices/*/sriov_numvfs'])),
    );
    expect(made.map(({ stdout }) => stdout)).to.deep.equal(['0\n0\n', '1\n1\n']);
  });

  it('answers a ping through the wire, each machine on its own', async () => {
    await text('ip link set "$1" up; ip address replace 192.0.2.2/24 dev "$1"', first);
    await using wire = await openWire(machines[0]!.wire);
    await using elsewhere = await openWire(machines[1]!.wire);
    const station = openStation(wire, { mac: '02:00:00:00:00:01', address: '192.0.2.1' });
    const ping = await station.ping('192.0.2.2', { timeout: 5000 });
    expect(ping.received).to.equal(ping.sent);
    expect(ping.mac).to.equal(portMac(machineDigest(definition.options), 0));
    const lost = openStation(elsewhere, { mac: '02:00:00:00:00:01', address: '192.0.2.1' });
    expect(await refusal(lost.ping('192.0.2.2', { timeout: 200 }))).to.match(/nobody answered/);
    await Promise.all([station, lost].map((one) => one[Symbol.asyncDispose]()));
  });

  it('has VFs whose VLAN tag is on the wire', async () => {
    const vf = await text(
      `device=/sys/class/net/$1/device
       ip link set "$1" up
       echo 0 >$device/sriov_numvfs
       echo 2 >$device/sriov_numvfs
       ip link set "$1" vf 0 mac 52:54:00:bb:00:01 vlan 100
       function=$(basename "$(readlink -f $device/virtfn0)")
       udevadm settle
       echo "$function" >/sys/bus/pci/drivers/igbvf/unbind
       echo "$function" >/sys/bus/pci/drivers/igbvf/bind
       udevadm settle
       name=$(ls /sys/bus/pci/devices/$function/net)
       ip netns add tenant
       ip link set "$name" netns tenant
       ip -n tenant link set "$name" up
       ip -n tenant address add 192.0.2.3/24 dev "$name"
       for wait in $(seq 100); do
         [ "$(ip netns exec tenant cat /sys/class/net/$name/operstate)" != up ] || break
         sleep 0.1
       done
       readlink -f /sys/bus/pci/devices/$function/iommu_group`,
      second,
    );
    expect(vf).to.match(/iommu_groups\/\d+$/);
    await using wire = await openWire(machines[0]!.wire);
    const tagged = openStation(wire, { mac: '02:00:00:00:00:01', address: '192.0.2.1', vlan: 100 });
    const ping = await tagged.ping('192.0.2.3', { timeout: 5000 });
    expect(ping.mac).to.equal('52:54:00:bb:00:01');
    expect(ping.received).to.equal(ping.sent);
    expect(ping.vlans.every((tags) => tags.length === 1 && tags[0] === 100)).to.be.true;
    await tagged[Symbol.asyncDispose]();
  });

  it('can not be saved while it has VFs, whose state would not survive that, and runs on', async () => {
    expect(await refusal(saveState(machines[0]!, definition))).to.match(
      /a can't be saved: 0000:42:00\.0 have VFs, whose state would be lost/,
    );
    expect(await text('echo on')).to.equal('on');
  });

  it('is listed, found again, and not started twice', async () => {
    const listed = (await listVirtualHosts(host)).filter((machine) => machine.run === run);
    expect(listed.map(({ name, state: now }) => [name, now]).sort()).to.deep.equal([
      ['a', 'running'],
      ['b', 'running'],
    ]);
    const again = await attachVirtualHost(host, { run, name: 'b' });
    const guest = await again.connect();
    expect((await guest.exec(['uname', '-n'])).stdout.trim()).to.equal('b');
    await guest[Symbol.asyncDispose]();
    expect(await refusal(startVirtualHost(host, definition, { run, name: 'a', state }))).to.match(/already/);
    expect(await refusal(attachVirtualHost(host, { run, name: 'c' }))).to.match(/There is|there is no virtual host/);
  });

  it('takes kernel parameters by a reboot on its own disk, and has its VFs again', async () => {
    const [machine, guest] = [machines[1]!, guests[1]!];
    await guest.write('/root/kept', 'yes\n');
    const applied = await applyTuning(
      guest,
      run,
      await tuningOf({ profile: 'none', with: { isolated_cpus: 3 }, knobs: { isolcpus: ['domain'] } }),
      { reboot: true, restoreBoot: false, commandLine: virtualHostCommandLine(machine, withVfs, guest) },
    );
    expect(applied.results.map(({ knob, state: now }) => [knob, now])).to.deep.equal([['isolcpus', 'ok']]);
    expect(await guest.read('/proc/cmdline')).to.match(/ kvm4nfv\.images .*isolcpus=domain,3/);
    expect(await guest.read('/root/kept')).to.equal('yes\n');
    expect((await guest.exec(['sh', '-c', 'cat /sys/bus/pci/devices/*/sriov_numvfs'])).stdout).to.equal('1\n1\n');
    expect((await applied.restore()).complete).to.equal(true);
  });

  it('boots anew when one of its CPUs has lost its timer, and is gone when that is interrupted', async () => {
    const lab = await labDirectory(host);
    const log = `${lab}/machines/${run}/stalled/console.log`;
    const interrupt = new AbortController();
    const stages: string[] = [];
    const progress = (stage: string): void => {
      stages.push(stage);
      if (stage !== 'started') return;
      if (stages.length > 1) interrupt.abort();
      else
        appendFileSync(log, "[   24.385249] rcu: rcu_preempt kthread timer wakeup didn't happen for 5248 jiffies!\n");
    };
    const starting = startVirtualHost(host, definition, { run, name: 'stalled', signal: interrupt.signal, progress });
    await rejection(starting);
    expect(stages).to.deep.equal([
      'started',
      'one of its CPUs has lost its timer, a fault of emulation: booting anew',
      'started',
    ]);
    expect(processesWith(`${run}-stalled,debug-threads=on`)).to.be.empty;
    expect(readdirSync(`${lab}/machines/${run}`)).not.to.include('stalled');
  });

  it('leaves no process and no file, though another process ends it', async () => {
    const gone = machines.pop()!;
    await guests.pop()![Symbol.asyncDispose]();
    const marker = `${run}-b,debug-threads=on`;
    expect(processesWith(marker)).to.have.length(1);
    const again = await attachVirtualHost(host, { run, name: 'b' });
    await again[Symbol.asyncDispose]();
    expect(processesWith(marker)).to.be.empty;
    expect((await listVirtualHosts(host)).some((machine) => machine.run === run && machine.name === gone.name)).to.be
      .false;
    expect(await sweepVirtualHosts(host, `${run}-none`)).to.be.false;
  });
});
