import { expect } from 'chai';
import { parseDomain } from '../../../lib/libvirt/domain/parse.js';
import { domainXml } from '../../../lib/libvirt/domain/domain-xml.js';
import type { DomainOptions } from '../../../lib/libvirt/domain/spec.js';
import { parseXml } from '../../../lib/libvirt/xml/document.js';
import { attribute, find, findAll, textOf } from '../../../lib/libvirt/xml/element.js';
import { expectGolden } from '../../support/golden.js';
import { examples } from './examples.js';

const minimal: DomainOptions = {
  name: 'guest',
  owner: { run: 'r', context: 'c' },
  accelerator: 'kvm',
  cpu: { vcpus: 2 },
  memory: { size: 2 ** 30 },
};
const refused = (options: Partial<DomainOptions>): string => {
  try {
    domainXml({ ...minimal, ...options });
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error('expected a refusal');
};

describe('domainXml', () => {
  for (const [name, options] of Object.entries(examples))
    it(`writes the document of a ${name} guest`, () => expectGolden(domainXml(options), `domain/${name}.xml`));

  it('leaves off what is not needed', () => {
    const root = parseXml(domainXml(minimal));
    expect(attribute(find(root, 'devices', 'memballoon'), 'model')).to.equal('none');
    expect(attribute(find(root, 'devices', 'controller'), 'model')).to.equal('none');
    expect(attribute(find(root, 'features', 'pmu'), 'state')).to.equal('off');
    expect(find(root, 'memoryBacking', 'nosharepages')).not.to.equal(undefined);
    for (const device of ['graphics', 'video', 'sound', 'input'])
      expect(findAll(root, 'devices', device)).to.deep.equal([]);
  });

  it('marks the domain as ours', () => {
    expect(parseDomain(domainXml(minimal)).owner).to.deep.equal({ run: 'r', context: 'c' });
  });

  it('keeps every character of the kernel command line', () => {
    const cmdline = `a="b c" x='<&>' é`;
    expect(textOf(parseXml(domainXml({ ...minimal, boot: { kernel: '/k', cmdline } })), 'os', 'cmdline')).to.equal(
      cmdline,
    );
  });

  it('names disks after their bus, beyond the letter z', () => {
    const disks = Array.from({ length: 28 }, (_, index) => ({ path: `/d${String(index)}`, format: 'raw' as const }));
    const targets = parseDomain(domainXml({ ...minimal, disks })).disks.map(({ target }) => target);
    expect(targets.slice(0, 2)).to.deep.equal(['vda', 'vdb']);
    expect(targets.slice(25)).to.deep.equal(['vdz', 'vdaa', 'vdab']);
  });

  it('reads back what it wrote', () => {
    const read = parseDomain(domainXml(examples['realtime']!));
    expect(read).to.deep.include({ name: 'realtime', type: 'kvm', machine: 'q35', vcpus: 4, emulatorPin: [0, 1] });
    expect(read.pins).to.deep.equal(new Map([0, 1, 2, 3].map((id) => [id, [id + 4]])));
    expect(read.disks[0]).to.deep.equal({
      device: 'disk',
      target: 'vda',
      file: '/var/tmp/overlay.qcow2',
      format: 'qcow2',
      serial: 'root',
      backing: ['/var/tmp/base.raw'],
    });
    expect(read.interfaces).to.deep.equal([
      { type: 'bridge', mac: '52:54:00:00:00:02', source: 'br0', model: 'virtio' },
    ]);
    expect(parseDomain(domainXml(examples['hostdev']!)).hostdevs).to.deep.equal(['0000:3b:00.1', '0000:3b:10.2']);
  });

  it('refuses what contradicts itself, and says what', () => {
    expect(refused({ cpu: { vcpus: 4, topology: { sockets: 1, cores: 3, threads: 1 } } })).to.contain(
      'the topology has 3 vCPUs, the guest 4',
    );
    expect(refused({ tune: { vcpuPins: [{ id: 2, cpus: [0] }] } })).to.contain(
      'there is no vCPU 2: the guest has 0 to 1',
    );
    expect(refused({ interfaces: [{ type: 'vhost-user', path: '/s', mode: 'client' }] })).to.contain(
      'vhost-user needs shared memory',
    );
    expect(refused({ memory: { size: 2 ** 30 + 1024, hugepages: 2 ** 21 } })).to.contain(
      'must be a multiple of the page size',
    );
    expect(refused({ disks: [{ path: '/d', format: 'raw', iothread: 1 }] })).to.contain('there is no IOThread 1');
    expect(refused({ accelerator: 'tcg', cpu: { vcpus: 1, mode: 'host-passthrough' } })).to.contain(
      "'host-passthrough' needs KVM",
    );
    expect(refused({ accelerator: 'tcg', cpu: { vcpus: 1, hintDedicated: true } })).to.contain('need KVM');
    expect(refused({ cpu: { vcpus: 2, cells: [{ cpus: [0], memory: 2 ** 30 }] } })).to.contain(
      'the cells must have each vCPU once',
    );
  });

  it('refuses names and paths that could do harm', () => {
    expect(refused({ name: '../x' })).to.contain('name');
    expect(refused({ name: '-x' })).to.contain('name');
    expect(refused({ disks: [{ path: 'relative', format: 'raw' }] })).to.contain('expected an absolute path');
    expect(refused({ console: '/a\nb' })).to.contain('control characters');
  });
});

describe('a fragment merged into the domain', () => {
  const merged = (at: 'devices' | 'clock' | 'domain' | 'cputune' | 'metadata', xml: string) =>
    parseXml(domainXml({ ...minimal, fragments: [{ at, xml }] }));

  it('adds a device beside those that are there', () => {
    expect(
      findAll(merged('devices', '<rng model="virtio"><backend model="builtin"/></rng>'), 'devices', 'rng'),
    ).to.have.lengthOf(2);
  });

  it('replaces a device that there is one of', () => {
    const balloons = findAll(merged('devices', '<memballoon model="virtio"/>'), 'devices', 'memballoon');
    expect(balloons.map((balloon) => attribute(balloon, 'model'))).to.deep.equal(['virtio']);
  });

  it('replaces a timer by its name', () => {
    const timers = findAll(merged('clock', '<timer name="hpet" present="yes"/>'), 'clock', 'timer');
    expect(
      timers.map((timer) => `${attribute(timer, 'name') ?? ''} ${attribute(timer, 'present') ?? ''}`),
    ).to.deep.equal(['rtc ', 'pit ', 'hpet yes']);
  });

  it('makes the place where it is not there yet', () => {
    expect(
      attribute(find(merged('cputune', '<vcpupin vcpu="0" cpuset="1"/>'), 'cputune', 'vcpupin'), 'cpuset'),
    ).to.equal('1');
  });

  it('keeps our mark in the metadata', () => {
    const root = merged('metadata', '<x:y xmlns:x="urn:x"/>');
    expect(findAll(root, 'metadata')[0]?.children).to.have.lengthOf(2);
  });

  it('may not replace what makes the domain what it is', () => {
    for (const name of ['devices', 'metadata', 'name', 'uuid'])
      expect(refused({ fragments: [{ at: 'domain', xml: `<${name}/>` }] })).to.contain(`<${name}> can't be replaced`);
  });

  it('must be well-formed', () => {
    expect(refused({ fragments: [{ at: 'devices', xml: '<a><b></a>' }] })).to.contain(
      "fragment at 'devices' is not well-formed",
    );
    expect(refused({ fragments: [{ at: 'devices', xml: 'text' }] })).to.contain('text outside of an element');
    for (const xml of [
      '</fragment><fragment>',
      '<a b="1" b="2"/>',
      '<a>]]></a>',
      '<a/><?xml version="1.0"?><b/>',
      '<?xml version="1.0"?><?xml version="1.0"?><a/>',
      '<!DOCTYPE a><a/>',
    ])
      expect(refused({ fragments: [{ at: 'devices', xml }] }), xml).to.contain('is not well-formed');
    expect(refused({ fragments: [{ at: 'devices', xml: '<a/>\n<b c="1" c="2"/>' }] })).to.contain(
      'line 2, column 15: Dup',
    );
  });
});
