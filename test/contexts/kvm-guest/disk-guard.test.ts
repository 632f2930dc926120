import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { guardDisks } from '../../../lib/contexts/kvm-guest/disk-guard.js';
import { disksOf } from '../../../lib/contexts/kvm-guest/domain-parts.js';
import { kvmGuestOptions } from '../../../lib/contexts/kvm-guest/options.js';
import { readFacts, type HostFacts } from '../../../lib/host/facts.js';
import { localHost } from '../../../lib/host/local.js';
import { domainXml } from '../../../lib/libvirt/domain/domain-xml.js';

describe('The disks that a guest is given', () => {
  const host = localHost('local');
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-disks-'));
  const path = (name: string): string => join(directory, name);
  let facts: HostFacts;

  before(async () => {
    facts = await readFacts(host);
    const create = (...argv: readonly string[]): unknown => execFileSync('qemu-img', ['create', '-q', ...argv]);
    create('-f', 'raw', path('plain.raw'), '1M');
    create('-f', 'qcow2', path('whole.qcow2'), '1M');
    create('-f', 'qcow2', '-F', 'raw', '-b', path('plain.raw'), path('leads.qcow2'), '1M');
    create('-f', 'vmdk', path('disk.vmdk'), '1M');
  });
  after(async () => {
    await host[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const verdict = (options: object): Promise<string> =>
    guardDisks(host, facts, kvmGuestOptions.parse(options), new AbortController().signal).then(() => 'taken', String);
  const fragment = (file: string, inner = ''): object => ({
    xml: [
      {
        at: 'devices',
        xml: `<disk type="file" device="disk"><driver name="qemu" type="qcow2"/><source file="${file}"/>${inner}<target dev="vdz" bus="virtio"/></disk>`,
      },
    ],
  });

  it('are all looked into: by path, and those of fragments', async () => {
    const raw = { path: path('plain.raw'), format: 'raw' };
    const whole = { path: path('whole.qcow2'), format: 'qcow2' };
    expect(await verdict({ disks: [{ size: '1MiB' }, raw, whole] })).to.equal('taken');
    for (const read_only of [true, false])
      expect(await verdict({ disks: [raw, { path: path('leads.qcow2'), format: 'qcow2', read_only }] })).to.match(
        /leads\.qcow2 refers to another file '.*plain\.raw'/,
      );
    expect(await verdict({ disks: [{ path: path('disk.vmdk'), format: 'raw' }] })).to.match(/is a VMDK image/);
    expect(await verdict({ disks: [{ path: path('none'), format: 'raw' }] })).to.match(/there is no image/);
    expect(await verdict(fragment(path('whole.qcow2')))).to.equal('taken');
    expect(await verdict(fragment(path('leads.qcow2')))).to.match(/refers to another file/);
  });

  it('of fragments may name what they stand on, and one that is not there is for libvirt to tell', async () => {
    const backing = `<backingStore type="file"><format type="raw"/><source file="${path('plain.raw')}"/></backingStore>`;
    expect(await verdict(fragment(path('leads.qcow2'), backing))).to.equal('taken');
    expect(await verdict(fragment(path('none')))).to.equal('taken');
  });

  it('are handed to libvirt with the end of their chain: a header that changes afterwards leads nowhere', () => {
    const options = kvmGuestOptions.parse({ disks: [{ path: path('whole.qcow2'), format: 'qcow2' }] });
    const xml = domainXml({
      name: 'guest',
      owner: { run: 'run', context: 'guest' },
      accelerator: 'tcg',
      cpu: { vcpus: 1 },
      memory: { size: 2 ** 29 },
      disks: disksOf(options, '/guest'),
    });
    expect(xml).to.match(/whole\.qcow2"\/>\s*<backingStore\/>\s*<target/);
  });
});
