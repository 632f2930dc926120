import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import { domainXml, parseDomainSpec } from '../../lib/libvirt/domain/domain-xml.js';
import type { DomainOptions } from '../../lib/libvirt/domain/spec.js';
import { LibvirtError } from '../../lib/libvirt/error.js';
import type { Hypervisor } from '../../lib/libvirt/hypervisor.js';
import { openHypervisor } from '../../lib/libvirt/open.js';
import { parseQemuProcess, type QemuProcess } from '../../lib/libvirt/parse/qemu-process.js';
import { compareDomain, verifyDomain } from '../../lib/libvirt/verify.js';
import { noLibvirtd, startLibvirtd, type PrivateLibvirtd } from '../support/libvirtd.js';
import { rejection } from '../support/rejection.js';

const options: DomainOptions = {
  name: 'kvm4nfv-verify',
  owner: { run: 'verify', context: 'guest' },
  accelerator: 'tcg',
  cpu: { vcpus: 2 },
  memory: { size: 64 * 2 ** 20, allocation: 'immediate', numa: { nodes: [0] } },
  tune: {
    vcpuPins: [
      { id: 0, cpus: [0] },
      { id: 1, cpus: [0] },
    ],
    vcpuSchedulers: [{ vcpus: [1], policy: 'fifo', priority: 3 }],
    emulatorPin: [0],
    iothreads: 1,
    iothreadPins: [{ id: 1, cpus: [0] }],
    iothreadSchedulers: [{ iothreads: [1], policy: 'batch' }],
  },
};

const shown = [
  'cpus\t{"return":[{"thread-id":11,"props":{"core-id":0,"thread-id":0},"cpu-index":0},{"thread-id":12,"cpu-index":1}],"id":"libvirt-1"}',
  'iothreads\t{"return":[{"id":"iothread1","thread-id":13}]}',
  'pid\t10',
  'locked\t0',
  'task\t10\t0-1\t0\t0\tqemu-system-x86',
  'task\t11\t2\t1\t1\tCPU 0/KVM',
  'task\t12\t3\t0\t0\tCPU 1/KVM',
  'task\t13\t0\t3\t0\tIO iothread1',
  'pages\t4\t30000\t0',
  'pages\t1048576\t1048576\t0',
  'node\t1\t1048576',
].join('\n');

describe('a QEMU process against what was asked', () => {
  const compare = (more: Partial<DomainOptions>, process: QemuProcess = parseQemuProcess(shown)): readonly string[] =>
    compareDomain(parseDomainSpec({ ...options, accelerator: 'kvm', tune: {}, ...more }), process).map(
      ({ what, requested, effective, ok }) => `${ok ? 'ok' : 'no'} ${what}: ${requested} / ${effective}`,
    );

  it('shows what was kept and what was not', () => {
    const tune: DomainOptions['tune'] = {
      vcpuPins: [
        { id: 0, cpus: [2] },
        { id: 1, cpus: [2] },
      ],
      vcpuSchedulers: [{ vcpus: [0, 1], policy: 'fifo', priority: 1 }],
      emulatorPin: [0],
      emulatorScheduler: { policy: 'batch' },
    };
    expect(compare({ tune, memory: { size: 2 ** 30, sharePages: true } })).to.deep.equal([
      'ok vCPU 0: CPUs: 2 / 2',
      'no vCPU 1: CPUs: 2 / 3',
      'ok vCPU 0: scheduling: fifo 1 / fifo 1',
      'no vCPU 1: scheduling: fifo 1 / other',
      'no emulator: CPUs: 0 / 0-1',
      'no emulator: scheduling: batch / other',
    ]);
  });

  it('counts hugepages, and takes them as locked', () => {
    expect(
      compare({ memory: { size: 2 ** 30, hugepages: 2 ** 30, locked: true, numa: { nodes: [1] } } }),
    ).to.deep.equal([
      'ok memory: hugepages: 1024 MiB in pages of 1048576 KiB / 29 MiB in pages of 4 KiB, 1024 MiB in pages of 1048576 KiB',
      'ok memory: locked: 1024 MiB / 1024 MiB',
      'ok memory: that KSM may merge: 0 MiB / 0 MiB',
      'ok memory: NUMA nodes: 1 / 1',
    ]);
    expect(
      compare({ memory: { size: 2 ** 31, hugepages: 2 ** 30, numa: { nodes: [0] } } }).map((line) => line.slice(0, 2)),
    ).to.deep.equal(['no', 'ok', 'no']);
  });

  it('misses what KSM was to leave alone and may merge', () => {
    const open = parseQemuProcess(shown.replace('pages\t1048576\t1048576\t0', 'pages\t4\t1048576\t1048576'));
    expect(compare({ memory: { size: 2 ** 30 } }, open)).to.deep.equal([
      'no memory: that KSM may merge: 0 MiB / 1024 MiB',
    ]);
    expect(compare({ memory: { size: 2 ** 30, sharePages: true } }, open)).to.deep.equal([]);
    expect(compare({ memory: { size: 2 ** 30 } })).to.deep.equal(['ok memory: that KSM may merge: 0 MiB / 0 MiB']);
  });

  it('says that a thread is not there', () => {
    expect(
      compare({
        cpu: { vcpus: 3 },
        tune: { vcpuPins: [{ id: 2, cpus: [0] }] },
        memory: { size: 2 ** 20, sharePages: true },
      }),
    ).to.deep.equal(['no vCPU 2: CPUs: 0 / no such thread']);
  });
});

describe('verifyDomain on a real libvirtd', function () {
  this.timeout(180_000);
  let libvirtd: PrivateLibvirtd;
  let hypervisor: Hypervisor;
  const used: AsyncDisposable[] = [];

  before(async function () {
    const why = await noLibvirtd();
    if (why !== undefined) {
      console.log(`      skipped: ${why}`);
      this.skip();
    }
    used.push((libvirtd = await startLibvirtd()));
    used.push((hypervisor = await openHypervisor(localHost(), libvirtd.uri, { implementation: 'virsh' })));
    await hypervisor.create(domainXml(options), { paused: true });
  });
  after(async () => {
    for (const one of used.reverse()) await one[Symbol.asyncDispose]();
  });

  it('finds everything as it was asked', async () => {
    const found = await verifyDomain(hypervisor.host, hypervisor.uri, parseDomainSpec(options));
    expect(found.filter(({ ok }) => !ok)).to.deep.equal([]);
    expect(found.map(({ what }) => what)).to.include.members([
      'vCPU 0: CPUs',
      'vCPU 1: scheduling',
      'IOThread 1: CPUs',
      'emulator: CPUs',
      'memory: NUMA nodes',
    ]);
  });

  it('finds what somebody changed behind our back', async function () {
    const cpus = (await hypervisor.capabilities()).cells.flatMap((cell) => cell.cpus);
    if (cpus.length < 2) this.skip();
    await hypervisor.pinVcpu('kvm4nfv-verify', 1, [cpus[1]?.id ?? 1]);
    const found = await verifyDomain(hypervisor.host, hypervisor.uri, parseDomainSpec(options));
    expect(found.filter(({ ok }) => !ok).map(({ what, effective }) => `${what} ${effective}`)).to.deep.equal([
      'vCPU 1: CPUs 1',
    ]);
  });

  it("throws libvirt's words for a domain that is not there", async () => {
    const spec = parseDomainSpec({ ...options, name: 'nope' });
    const error = await rejection(verifyDomain(hypervisor.host, hypervisor.uri, spec));
    expect(error).to.be.instanceOf(LibvirtError);
    expect(error).to.have.property('codeName', 'VIR_ERR_NO_DOMAIN');
  });
});
