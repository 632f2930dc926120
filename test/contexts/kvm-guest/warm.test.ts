import { expect } from 'chai';
import { domainOptions, identify, type GuestDefinition } from '../../../lib/contexts/kvm-guest/domain.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';
import { retargetDocument, stateKey } from '../../../lib/contexts/kvm-guest/warm.js';
import { domainXml } from '../../../lib/libvirt/domain/domain-xml.js';
import { source } from './source.js';

const versions = { library: '9.0.0', hypervisor: 'QEMU 7.2.0' };
const definition = (options: object = {}, rest: Partial<GuestDefinition> = {}): GuestDefinition => ({
  options: kvmGuestOptions.parse({ vcpus: 1, memory: '512MiB', ...options }),
  source,
  accelerator: 'tcg',
  placement: undefined,
  ...rest,
});
const key = (
  of: GuestDefinition,
  host: { versions: unknown; cpu: unknown } = { versions, cpu: { model: 'a' } },
): string => stateKey(of, host);

describe('A saved state', () => {
  const first = key(definition());

  it('is of every guest that is defined alike, whatever its name', () => {
    expect(key(definition())).to.equal(first);
    expect(
      key(definition(), { versions: { ...versions }, cpu: { model: 'another, which TCG does not show' } }),
    ).to.equal(first);
  });

  const changes: Readonly<Record<string, () => string>> = {
    'more memory': () => key(definition({ memory: '640MiB' })),
    'more vCPUs': () => key(definition({ vcpus: 2 })),
    'a fragment of XML': () => key(definition({ xml: [{ at: 'features', xml: '<vmport state="off"/>' }] })),
    'another command line': () =>
      key(definition({}, { source: { ...source, boot: { kernel: '/k', initrd: '/i', cmdline: 'isolcpus=1' } } })),
    'an image that was built anew with other bytes': () =>
      key(definition({}, { source: { ...source, content: 'disk.raw 9' } })),
    'another place of the image': () => key(definition({}, { source: { ...source, disk: '/elsewhere/disk.raw' } })),
    pins: () => key(definition({}, { placement: { nodes: [0], vcpus: [[1]], housekeeping: [0], iothreads: [] } })),
    'another accelerator': () => key(definition({}, { accelerator: 'kvm' })),
    'another QEMU or libvirt': () =>
      key(definition(), { versions: { ...versions, hypervisor: 'QEMU 8.0.0' }, cpu: { model: 'a' } }),
  };
  for (const [what, changed] of Object.entries(changes))
    it(`is not used after ${what}`, () => {
      expect(changed()).not.to.equal(first);
    });

  it('depends on the processor with KVM', () => {
    const kvm = definition({}, { accelerator: 'kvm' });
    expect(key(kvm, { versions, cpu: { model: 'a' } })).not.to.equal(key(kvm, { versions, cpu: { model: 'b' } }));
  });

  it('gets the document of another guest, in which nothing of the first is left', () => {
    const from = identify('run-one', 'guest', 42_001);
    const to = identify('run-two', 'other.guest', 42_002);
    const retargeted = retargetDocument(domainXml(domainOptions(definition(), from)), from, to);
    const wanted = domainXml(domainOptions(definition(), to));
    // The hardware address is part of the device's state and stays.
    expect(retargeted.replaceAll(from.mac, to.mac)).to.equal(wanted);
    for (const own of [from.name, from.uuid, from.directory, 'run-one', ':42001-'])
      expect(retargeted).not.to.contain(own);
  });
});
