import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { hasInvariantTsc } from '../../../lib/contexts/kvm-guest/choice.js';
import {
  canBeSaved,
  domainOptions,
  identify,
  usesNoNetwork,
  type GuestDefinition,
} from '../../../lib/contexts/kvm-guest/domain.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';
import { placeIoThreads } from '../../../lib/contexts/kvm-guest/placement.js';
import { domainXml } from '../../../lib/libvirt/domain/domain-xml.js';
import type { Hypervisor } from '../../../lib/libvirt/hypervisor.js';
import { parseDomainCapabilities } from '../../../lib/libvirt/parse/domain-capabilities.js';
import { parseXml } from '../../../lib/libvirt/xml/document.js';
import { attribute, find, findAll, textOf } from '../../../lib/libvirt/xml/element.js';
import { invalid, needSchema } from '../../libvirt/domain/schema.js';
import { source } from './source.js';

const everything = {
  vcpus: 4,
  memory: '1GiB',
  cpu: {
    model: 'EPYC-Milan',
    features: { x2apic: 'require', svm: 'disable' },
    topology: { sockets: 1, cores: 2, threads: 2 },
  },
  iothreads: [{ cpus: 1 }, {}],
  cache: [{ size: '3MiB', id: 0, vcpus: [2, 3] }],
  shared_memory: true,
  disks: [
    { path: '/data/a.qcow2', format: 'qcow2', read_only: true, serial: 'data', iothread: 2 },
    { size: '4GiB', iothread: 1, cache: 'none', io: 'native', queues: 4 },
  ],
  interfaces: [
    { type: 'bridge', bridge: 'br0', queues: 2 },
    { type: 'network', network: 'plane', mac: '52:54:00:00:00:09' },
    { type: 'vhost-user', path: '/run/vhost0', mode: 'server', queues: 2, rx_queue_size: 1024, tx_queue_size: 512 },
  ],
  agent: true,
};
const placement = {
  nodes: [0],
  vcpus: [[4], [5], [6], [7]],
  housekeeping: [0],
  iothreads: [[1], [0]],
};
const definition = (options: object = {}, rest: Partial<GuestDefinition> = {}): GuestDefinition => ({
  options: kvmGuestOptions.parse(options),
  source,
  accelerator: 'kvm',
  placement: undefined,
  ...rest,
});
const document = (of: GuestDefinition): string => domainXml(domainOptions(of, identify('run', 'guest', 42_001)));

describe('The hardware of a guest', () => {
  it('is in its domain as it was asked for', () => {
    const root = parseXml(document(definition(everything, { placement })));
    expect(textOf(root, 'cpu', 'model')).to.equal('EPYC-Milan');
    expect(find(root, 'cpu', 'topology')?.attributes).to.include({ cores: '2', threads: '2' });
    const features = findAll(root, 'cpu', 'feature').map((one) => [attribute(one, 'name'), attribute(one, 'policy')]);
    expect(Object.fromEntries(features)).to.deep.equal({
      'tsc-deadline': 'require',
      x2apic: 'require',
      svm: 'disable',
    });
    expect(textOf(root, 'iothreads')).to.equal('2');
    expect(findAll(root, 'cputune', 'iothreadpin').map((one) => attribute(one, 'cpuset'))).to.deep.equal(['1', '0']);
    expect(attribute(find(root, 'cputune', 'cachetune'), 'vcpus')).to.equal('2-3');
    expect(attribute(find(root, 'cputune', 'cachetune', 'cache'), 'size')).to.equal('3072');
    expect(attribute(find(root, 'memoryBacking', 'access'), 'mode')).to.equal('shared');
    const disks = findAll(root, 'devices', 'disk').slice(2);
    expect(disks.map((disk) => attribute(find(disk, 'source'), 'file'))).to.deep.equal([
      '/data/a.qcow2',
      '/var/tmp/kvm4nfv/run/guest/disk-2.raw',
    ]);
    expect(disks.map((disk) => attribute(find(disk, 'driver'), 'iothread'))).to.deep.equal(['2', '1']);
    expect(disks.map((disk) => find(disk, 'readonly') !== undefined)).to.deep.equal([true, false]);
    const cards = findAll(root, 'devices', 'interface');
    expect(cards.map((card) => attribute(card, 'type'))).to.deep.equal(['bridge', 'network', 'vhostuser']);
    expect(cards.map((card) => attribute(find(card, 'driver'), 'queues'))).to.deep.equal(['2', undefined, '2']);
    const macs = cards.map((card) => attribute(find(card, 'mac'), 'address'));
    expect(new Set([...macs, identify('run', 'guest', 1).mac]).size).to.equal(4);
    expect(macs[1]).to.equal('52:54:00:00:00:09');
    expect(findAll(root, 'devices', 'channel', 'target').map((one) => attribute(one, 'name'))).to.include(
      'org.qemu.guest_agent.0',
    );
  });

  it("is a document that libvirt's schema accepts, with each profile and accelerator", async function () {
    this.timeout(60_000);
    await needSchema(this);
    const documents = (['kvm', 'tcg'] as const).flatMap((accelerator) =>
      [{}, { profile: 'realtime' }].map((more) =>
        document(
          definition({ ...everything, ...more }, { accelerator, placement, invariantTsc: accelerator === 'kvm' }),
        ),
      ),
    );
    expect(await invalid(documents)).to.equal('');
  });

  const impossible: readonly (readonly [object, string, string])[] = [
    [{ vcpus: 4, cpu: { topology: { sockets: 1, cores: 3, threads: 1 } } }, 'cpu.topology', 'has 3 vCPUs, the guest 4'],
    [{ memory: '1000MiB', hugepages: '1GiB' }, 'hugepages', 'a multiple of the page size'],
    [{ cache: [{ size: '3MiB', id: 0, vcpus: [2] }] }, 'cache', 'there is no vCPU 2'],
    [{ disks: [{ size: '1GiB', iothread: 1 }] }, 'disks.0.iothread', 'there is no IOThread 1: the guest has 0'],
    [{ disks: ['a', 'a'].map((serial) => ({ size: '1GiB', serial })) }, 'disks', 'two disks have the same serial'],
    [
      { interfaces: [{ type: 'vhost-user', path: '/run/vhost0', mode: 'client' }] },
      'interfaces.0',
      'vhost-user needs shared memory',
    ],
  ];
  for (const [options, place, reason] of impossible)
    it(`is refused where ${reason}, at ${place}`, () => {
      const { error } = kvmGuestOptions.safeParse(options);
      expect(error?.issues.map(({ path }) => path.join('.'))).to.deep.equal([place]);
      expect(error?.issues[0]?.message).to.contain(reason);
    });

  it('keeps a guest from being saved where another one could not be made of the state', () => {
    expect(canBeSaved(definition())).to.equal(true);
    expect(canBeSaved(definition({ ...everything, disks: [], interfaces: [], agent: false }))).to.equal(true);
    const { disks, interfaces } = everything;
    for (const options of [
      { disks: disks.slice(1), iothreads: [{}] },
      { interfaces: interfaces.slice(0, 1) },
      { agent: true },
      { network: { bridge: 'br0' } },
      { cpu: { features: { invtsc: 'require' } } },
    ])
      expect(canBeSaved(definition(options)), JSON.stringify(options)).to.equal(false);
    expect(canBeSaved(definition({}, { invariantTsc: true }))).to.equal(false);
    expect(canBeSaved(definition({ cpu: { features: { invtsc: 'disable' } } }, { invariantTsc: true }))).to.equal(true);
    expect(usesNoNetwork(kvmGuestOptions.parse({}))).to.equal(true);
    expect(usesNoNetwork(kvmGuestOptions.parse({ interfaces: interfaces.slice(0, 1) }))).to.equal(false);
  });
});

describe('An invariant TSC', () => {
  const text = readFileSync('test/fixtures/virsh/virsh-9.0.0-domcapabilities.xml', 'utf8');
  const hypervisorOf = (xml: string): Hypervisor =>
    ({ domainCapabilities: () => Promise.resolve(parseDomainCapabilities(xml)) }) as unknown as Hypervisor;
  const without = hypervisorOf(text);
  const withIt = hypervisorOf(
    text.replace("<feature policy='require' name='ss'/>", "$&<feature policy='require' name='invtsc'/>"),
  );
  const { signal } = new AbortController();
  const asked = (hypervisor: Hypervisor, profile: string, accelerator: 'kvm' | 'tcg'): Promise<boolean> =>
    hasInvariantTsc(hypervisor, kvmGuestOptions.parse({ profile }), accelerator, signal);

  it('is asked for by the realtime profile with KVM, where libvirt says that the host has it', async () => {
    expect(await asked(withIt, 'realtime', 'kvm')).to.equal(true);
    expect(await asked(without, 'realtime', 'kvm')).to.equal(false);
    expect(await asked(withIt, 'default', 'kvm')).to.equal(false);
    expect(await asked(withIt, 'realtime', 'tcg')).to.equal(false);
    expect(document(definition({}, { invariantTsc: true }))).to.contain('<feature policy="require" name="invtsc"/>');
  });
});

describe('IOThreads', () => {
  const host = {
    online: [0, 1, 2, 3],
    nodes: [{ id: 0, cpus: [0, 1, 2, 3] }],
    siblings: new Map([
      [0, [0, 2]],
      [1, [1, 3]],
      [2, [0, 2]],
      [3, [1, 3]],
    ]),
    isolated: [],
  };
  const placed = { nodes: [0], vcpus: [[1]], housekeeping: [0, 2] };
  const iothreadsOf = (profile: 'default' | 'realtime', ...cpus: readonly (string | undefined)[]) =>
    placeIoThreads(host, host, { profile, iothreads: cpus.map((one) => ({ cpus: one })) }, placed).iothreads;

  it('run on the CPUs asked for, or with the emulator', () => {
    expect(iothreadsOf('realtime', '2', undefined)).to.deep.equal([[2], [0, 2]]);
    expect(iothreadsOf('default', '3')).to.deep.equal([[3]]);
  });

  it('are refused on the core of a realtime vCPU, and on a CPU that is not there', () => {
    expect(() => iothreadsOf('realtime', '2', '3')).to.throw(/IOThread 2: CPU 3 belongs to a realtime vCPU's core/);
    expect(() => iothreadsOf('default', '9')).to.throw(/9 not online/);
  });
});
