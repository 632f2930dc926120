import { expect } from 'chai';
import { readFile } from 'node:fs/promises';
import { parseCapabilities } from '../../lib/libvirt/parse/capabilities.js';
import { parseDomainCapabilities } from '../../lib/libvirt/parse/domain-capabilities.js';
import { parseLifecycleEvent } from '../../lib/libvirt/parse/events.js';
import { parseJob, parseStatistics } from '../../lib/libvirt/parse/statistics.js';
import {
  parseDomainInfo,
  parseDomainList,
  parseInterfaceAddresses,
  parsePinning,
  parseVersions,
} from '../../lib/libvirt/parse/tables.js';
import { parseDomain } from '../../lib/libvirt/domain/parse.js';
import { Kvm4nfvError } from '../../lib/error.js';
import { virshErrors } from '../../lib/libvirt/virsh/client.js';

const golden = (what: string): Promise<string> => readFile(`test/fixtures/virsh/virsh-9.0.0-${what}`, 'utf8');

describe('what virsh 9.0.0 prints', () => {
  it('is read: the list of domains', async () => {
    expect(parseDomainList(await golden('list.txt'))).to.deep.equal([
      { name: 'kvm4nfv-t1', uuid: '94bbdf37-45a4-4bef-9909-ece6818931e8', id: 2 },
    ]);
    const idle = '94bbdf37-45a4-4bef-9909-ece6818931e8 -    a name with spaces\n';
    expect(parseDomainList(idle)).to.deep.equal([{ name: 'a name with spaces', uuid: idle.slice(0, 36) }]);
    expect(() => parseDomainList('nonsense')).to.throw(Kvm4nfvError, "can't read 'nonsense'");
  });

  it('is read: dominfo', async () => {
    const { cpuTime, ...info } = parseDomainInfo(await golden('dominfo.txt'));
    expect(info).to.deep.equal({ state: 'paused', maxMemory: 32 * 2 ** 20, memory: 32 * 2 ** 20, vcpus: 2 });
    expect(cpuTime).to.be.greaterThan(0);
  });

  it('is read: domstats', async () => {
    expect(parseStatistics(await golden('domstats.txt'))).to.include({
      'state.state': 3,
      'vcpu.current': 2,
      'dirtyrate.calc_mode': 'page-sampling',
    });
  });

  it('is read: pinning', async () => {
    const [vcpus, emulator, iothreads] = await Promise.all(
      ['vcpupin.txt', 'emulatorpin.txt', 'iothreadinfo.txt'].map(golden),
    );
    expect(parsePinning(vcpus!, emulator!, iothreads!)).to.deep.equal({
      vcpus: new Map([
        [0, [0, 1]],
        [1, [0]],
      ]),
      emulator: [1],
      iothreads: new Map([[1, [0]]]),
    });
    expect(parsePinning('', '       *: 0-3', 'No IOThreads found for the domain\n').emulator).to.deep.equal([
      0, 1, 2, 3,
    ]);
  });

  it('is read: addresses, also several of one interface and one without', async () => {
    expect(parseInterfaceAddresses(await golden('domifaddr-test.txt'))).to.have.lengthOf(1);
    const agent = ' lo  00:00:00:00:00:00 ipv4 127.0.0.1/8\n -   -   ipv6 ::1/128\n eth0 52:54:00:AA:bb:cc N/A N/A\n';
    expect(parseInterfaceAddresses(agent)).to.deep.equal([
      { interface: 'lo', mac: '00:00:00:00:00:00', family: 'ipv4', address: '127.0.0.1', prefix: 8 },
      { interface: 'lo', mac: '00:00:00:00:00:00', family: 'ipv6', address: '::1', prefix: 128 },
    ]);
  });

  it('is read: versions', async () => {
    expect(parseVersions(await golden('version.txt'))).to.deep.equal({
      library: '9.0.0',
      driver: 'QEMU',
      hypervisor: '7.2.22',
      daemon: '9.0.0',
    });
  });

  it('is read: the statistics of a migration that was completed', async () => {
    expect(parseJob(await golden('domjobinfo-completed.txt'))).to.deep.include({
      type: 'completed',
      operation: 5,
      elapsed: 1765e6,
      downtime: 69e6,
      setup: 9e6,
      memoryTotal: 33947648,
      memoryBandwidth: 18373162,
      iterations: 2,
    });
    expect(parseJob('Job type: 0\n\n')).to.deep.equal({ type: 'none', raw: {} });
  });

  it('is read: capabilities of the host', async () => {
    const { cells, caches, guests, features, ...rest } = parseCapabilities(await golden('capabilities.xml'));
    expect(rest).to.deep.equal({
      uuid: '11111111-1111-4111-8111-111111111111',
      arch: 'x86_64',
      model: 'kvm64',
      vendor: 'AMD',
      iommu: false,
    });
    expect(cells.map(({ id, memory, cpus, pages }) => ({ id, memory, cpus, pages }))).to.have.lengthOf(1);
    expect(cells[0]?.cpus).to.deep.equal([
      { id: 0, socket: 0, core: 0, siblings: [0] },
      { id: 1, socket: 0, core: 1, siblings: [1] },
    ]);
    expect(cells[0]?.pages[1]).to.deep.equal({ size: 2 ** 21, count: 0 });
    expect(caches).to.deep.equal([{ id: 0, level: 3, size: 32 * 2 ** 20, cpus: [0, 1] }]);
    expect(features).to.include('tsc-deadline');
    expect(guests.find(({ arch }) => arch === 'x86_64')?.domains).to.deep.equal(['qemu', 'kvm']);
  });

  it('is read: what domains can be', async () => {
    const found = parseDomainCapabilities(await golden('domcapabilities.xml'));
    expect(found).to.include({
      emulator: '/usr/bin/qemu-system-x86_64',
      type: 'qemu',
      machine: 'pc-q35-7.2',
      maxVcpus: 288,
    });
    expect(found.cpuModes).to.include.members(['maximum', 'custom']).and.not.include('host-passthrough');
    expect(found.cpuModels).to.deep.include({ name: 'EPYC-Milan', usable: false });
    expect(found.devices['disk.bus']).to.include('virtio');
  });

  it('is read: the document of a running domain', async () => {
    const domain = parseDomain(await golden('dumpxml.xml'));
    expect(domain).to.include({ name: 'kvm4nfv-t1', type: 'qemu', machine: 'pc-q35-7.2', vcpus: 2 });
    expect(domain.owner).to.equal(undefined);
    expect(domain.agentSocket).to.match(/org\.qemu\.guest_agent\.0$/);
  });

  it('is read: events, and lines that are none', async () => {
    const events = (await golden('event.txt')).split('\n').map(parseLifecycleEvent);
    expect(events[0]).to.deep.equal({
      domain: 'kvm4nfv-t1',
      event: 'resumed',
      detail: 'unpaused',
      at: 1795369732421000000n,
    });
    expect(events[1]).to.include({ event: 'suspended', detail: 'paused' });
    expect(parseLifecycleEvent('events received: 2')).to.equal(undefined);
  });

  it('is read: errors, with the lines that belong to each', () => {
    const stderr =
      'error: Failed to create domain from /dev/stdin\nerror: (domain_definition):2: mismatch\n<mem>\n---^\n';
    expect(virshErrors(stderr)).to.deep.equal([
      'Failed to create domain from /dev/stdin',
      '(domain_definition):2: mismatch\n<mem>\n---^',
    ]);
  });
});
