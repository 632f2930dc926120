import { expect } from 'chai';
import * as fc from 'fast-check';
import { domainXml } from '../../../lib/libvirt/domain/domain-xml.js';
import { parseDomain } from '../../../lib/libvirt/domain/parse.js';
import type { DomainOptions } from '../../../lib/libvirt/domain/spec.js';
import { examples } from './examples.js';
import { invalid, needSchema } from './schema.js';

const bool = fc.boolean();
const cpus = fc.uniqueArray(fc.nat(127), { minLength: 1, maxLength: 6 });
const word = fc.stringMatching(/^[a-zA-Z][\w.-]{0,12}$/);
const text = fc
  .string({ minLength: 1, maxLength: 30 })
  .filter((value) => /^[^\p{Cc}\ufffe\uffff]+$/u.test(value) && value.trim() !== '');
const path = fc.stringMatching(/^\/[\w./-]{1,30}$/);
const mac = fc.stringMatching(/^52:54:00(:[\da-f]{2}){3}$/);
const pci = fc.stringMatching(/^0000:[\da-f]{2}:[01][\da-f]\.[0-7]$/);
/** Leaves out what is undefined: the options are exact. */
const record = <T extends object>(
  model: { [K in keyof T]: fc.Arbitrary<T[K]> },
  optional: Record<string, fc.Arbitrary<unknown>> = {},
) => fc.tuple(fc.record(model), fc.record(optional, { requiredKeys: [] })).map(([must, may]) => ({ ...must, ...may }));

const nic = {
  mac,
  queues: fc.integer({ min: 1, max: 8 }),
  rxQueueSize: fc.constantFrom(256, 512, 1024),
  packed: bool,
  iommu: bool,
};
const interfaces = fc.oneof(
  record({ type: fc.constant('network'), network: word }, nic),
  record({ type: fc.constant('bridge'), bridge: fc.stringMatching(/^[a-z]{1,8}$/) }, { ...nic, vhost: bool }),
  record({ type: fc.constant('vhost-user'), path, mode: fc.constantFrom('client', 'server') }, nic),
  record({ type: fc.constant('hostdev'), address: pci }, { mac, vlan: fc.nat(4094), managed: bool }),
  record(
    {
      type: fc.constant('user'),
      backend: fc.constant('passt'),
      forwards: fc.constant([{ hostPort: 2222, guestPort: 22 }]),
    },
    { mac },
  ),
);
const disk = record(
  { path, format: fc.constantFrom('qcow2', 'raw') },
  {
    cache: fc.constantFrom('none', 'writeback', 'writethrough', 'directsync', 'unsafe'),
    io: fc.constantFrom('threads', 'native', 'io_uring'),
    discard: fc.constantFrom('unmap', 'ignore'),
    readOnly: bool,
    queues: fc.integer({ min: 1, max: 4 }),
    iommu: bool,
    backing: record({ path, format: fc.constantFrom('qcow2', 'raw') }),
  },
);

const domains = fc
  .tuple(fc.integer({ min: 1, max: 16 }), fc.nat(3), fc.boolean())
  .chain(([vcpus, iothreads, kvm]) => {
    const every = Array.from({ length: vcpus }, (_, id) => id);
    const scheduler = fc.constantFrom(
      { policy: 'fifo', priority: 1 },
      { policy: 'rr', priority: 99 },
      { policy: 'batch' },
    );
    return record(
      {
        name: word,
        owner: fc.record({ run: text, context: text }),
        accelerator: fc.constant(kvm ? 'kvm' : 'tcg'),
        cpu: record(
          { vcpus: fc.constant(vcpus) },
          {
            topology: fc.constant({ sockets: 1, cores: vcpus, threads: 1 }),
            features: fc.constantFrom({}, { invtsc: 'require', x2apic: 'disable' }),
            cachePassthrough: bool,
            pmu: bool,
            ...(kvm ? { hintDedicated: bool, pollControl: bool } : {}),
          },
        ),
        memory: record(
          { size: fc.integer({ min: 1, max: 8 }).map((gibibytes) => gibibytes * 2 ** 30), shared: fc.constant(true) },
          {
            hugepages: fc.constantFrom(2 ** 21, 2 ** 30),
            locked: bool,
            sharePages: bool,
            source: fc.constantFrom('memfd', 'anonymous', 'file'),
            allocation: fc.constantFrom('immediate', 'ondemand'),
            numa: record(
              { nodes: cpus },
              { mode: fc.constantFrom('strict', 'preferred', 'interleave', 'restrictive') },
            ),
          },
        ),
        tune: record(
          { iothreads: fc.constant(iothreads) },
          {
            vcpuPins: cpus.map((set) => every.map((id) => ({ id, cpus: set }))),
            vcpuSchedulers: scheduler.map((one) => [{ ...one, vcpus: every }]),
            emulatorPin: cpus,
            emulatorScheduler: scheduler,
            iothreadPins: cpus.map((set) =>
              Array.from({ length: iothreads }, (_, index) => ({ id: index + 1, cpus: set })),
            ),
            cacheAllocations: fc.constantFrom([], [{ vcpus: every, id: 0, size: 2 ** 20 }]),
          },
        ),
      },
      {
        description: text,
        boot: record({ kernel: path }, { initrd: path, cmdline: text }),
        disks: fc.array(disk, { maxLength: 3 }),
        interfaces: fc.array(interfaces, { maxLength: 4 }),
        hostdevs: fc.array(fc.record({ address: pci }), { maxLength: 2 }),
        console: path,
        agent: bool,
        rng: bool,
        panic: bool,
        iommu: record(
          { model: fc.constant('intel') },
          { iotlb: bool, cachingMode: bool, addressWidth: fc.constantFrom(39, 48) },
        ),
        ioapic: fc.constantFrom('kvm', 'qemu'),
        smbiosSerial: text,
        firmware: fc.constantFrom('bios', 'efi'),
        onReboot: fc.constantFrom('restart', 'destroy', 'preserve'),
        onCrash: fc.constantFrom('destroy', 'restart', 'preserve', 'coredump-destroy'),
        qemuArguments: fc.array(text, { maxLength: 3 }),
      },
    );
  })
  .map((options) => options as DomainOptions);

describe("libvirt's schema", function () {
  this.timeout(180_000);

  before(async function () {
    await needSchema(this);
  });

  it('accepts the examples', async () => {
    expect(await invalid(Object.values(examples).map(domainXml))).to.equal('');
  });

  it('accepts whatever valid options make', async () => {
    expect(await invalid(fc.sample(domains, 300).map(domainXml))).to.equal('');
  });

  it('would not accept an element that it does not know', async () => {
    expect(await invalid([domainXml(examples['default']!).replace('<clock', '<warp/><clock')])).to.contain('warp');
  });
});

describe('a document that is read back', () => {
  it('has name, owner and vCPUs as they were given, whatever characters they have', () => {
    fc.assert(
      fc.property(domains, (options) => {
        const read = parseDomain(domainXml(options));
        expect(read.name).to.equal(options.name);
        expect(read.owner).to.deep.equal(options.owner);
        expect(read.vcpus).to.equal(options.cpu.vcpus);
        expect(read.disks.length).to.equal(options.disks?.length ?? 0);
      }),
      { numRuns: 100 },
    );
  });
});
