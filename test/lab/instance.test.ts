import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { localHost } from '../../lib/host/local.js';
import {
  prepareInstance,
  parseMachineRecord,
  portCandidates,
  removeInstance,
  type Prepared,
} from '../../lib/lab/instance.js';
import { portTaken, qemuComplaint } from '../../lib/lab/launch.js';
import { labDirectory } from '../../lib/lab/places.js';
import { canBeHost, parseQemuVersion } from '../../lib/lab/tree.js';
import { refusal } from './refusal.js';

const host = localHost();

describe('The directory of a virtual host', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kvm4nfv-lab-'));
  const base = join(directory, 'base.raw');
  let lab: string;

  before(async function () {
    const made = await host.exec(['qemu-img', 'create', '-q', '-f', 'raw', base, '1M'], { check: false });
    if (made.exitCode !== 0) this.skip();
    lab = await labDirectory(host, { directory: join(directory, 'lab') });
  });
  after(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const disk = { imageTool: 'qemu-img', backing: { path: base, format: 'raw' as const } };
  const prepare = (run: string, name: string): Promise<Prepared> => prepareInstance(host, lab, { run, name }, disk);
  const ports = (): readonly string[] => readdirSync(join(lab, 'ports')).filter((name) => name !== 'lock');
  const used = ({ sshPort, wire }: Prepared): readonly number[] => [sshPort, wire.port, wire.peerPort];

  it('keeps ports that no other has, of many made at once, and gives them back', async () => {
    const names = Array.from({ length: 6 }, (_, index) => `m${String(index)}`);
    const made = await Promise.all(names.map((name) => prepare('r', name)));
    expect(new Set(made.flatMap(used)).size).to.equal(18);
    expect(ports()).to.have.length(18);
    expect(readdirSync(made[0]!.directory)).to.deep.equal(['disk.qcow2']);
    expect(await removeInstance(host, lab, 'r/m0')).to.be.true;
    expect(ports()).to.have.length(15);
    expect(await removeInstance(host, lab, 'r')).to.be.true;
    expect(ports()).to.be.empty;
    expect(readdirSync(join(lab, 'machines'))).to.be.empty;
    expect(await removeInstance(host, lab, 'r')).to.be.false;
  });

  it('leaves alone the machine of another run whose name only begins alike', async () => {
    await Promise.all([prepare('r', 'm'), prepare('r2', 'm')]);
    await removeInstance(host, lab, 'r');
    expect(readdirSync(join(lab, 'machines'))).to.deep.equal(['r2']);
    expect(ports()).to.have.length(3);
    await removeInstance(host, lab, 'r2');
  });

  it('takes back the ports of an owner that is gone', async () => {
    const first = await prepare('gone', 'm');
    rmSync(first.directory, { recursive: true });
    const again = await Promise.all(Array.from({ length: 3 }, (_, index) => prepare('later', `m${String(index)}`)));
    expect(again.flatMap(used)).to.have.length(9);
    await Promise.all(['gone', 'later'].map((run) => removeInstance(host, lab, run)));
    expect(ports()).to.be.empty;
  });

  it('refuses a name that is taken without touching what has it, and names that are no names', async () => {
    const first = await prepare('r', 'm');
    expect(await refusal(prepare('r', 'm'))).to.match(/virtual host r\/m already/);
    expect(readdirSync(first.directory)).to.deep.equal(['disk.qcow2']);
    await removeInstance(host, lab, 'r/m');
    expect(await refusal(prepare('r', '../x'))).to.match(/not the name of a virtual host/);
    expect(await refusal(prepare('r', 'x'.repeat(64)))).to.match(/too long|not the name/);
  });

  it('leaves nothing where its disk can not be made', async () => {
    const wrong = { ...disk, backing: { path: join(directory, 'missing.raw'), format: 'raw' as const } };
    expect(await refusal(prepareInstance(host, lab, { run: 'r', name: 'm' }, wrong))).to.include('missing.raw');
    expect(readdirSync(join(lab, 'machines'))).to.be.empty;
    expect(ports()).to.be.empty;
  });

  it('does not take a port that somebody listens on', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { prepareScript } = await import('../../lib/lab/instance-scripts.js');
    const argv = [
      'sh',
      '-c',
      prepareScript,
      'prepare',
      lab,
      'r/m',
      'qemu-img',
      base,
      'raw',
      '1',
      String(port),
      '20999',
    ];
    const { stdout } = await host.exec(argv);
    server.close();
    expect(stdout.trim()).to.equal('20999');
    await removeInstance(host, lab, 'r');
  });

  it('is at a path that QEMU and sockets can take', async () => {
    expect(await refusal(labDirectory(host, { directory: join(directory, 'a,b') }))).to.match(
      /can't be the lab's directory/,
    );
  });
});

describe('What QEMU says of itself', () => {
  it('tells whether it can be a host with SR-IOV', () => {
    const devices = 'name "igb", bus PCI\nname "intel-iommu", bus System\n';
    expect(parseQemuVersion('QEMU emulator version 10.0.13 (Debian 1:10.0.13+ds-0+deb13u1)')).to.equal('10.0.13');
    expect(parseQemuVersion('qemu-img version 10.0.13')).to.be.undefined;
    expect(canBeHost('10.0.13', devices)).to.be.true;
    expect(canBeHost('8.2.2', devices)).to.be.false;
    expect(canBeHost('10.0.13', 'name "igbvf"\nname "intel-iommu"\n')).to.be.false;
  });

  it('is kept of its complaints, without what TCG lacks', () => {
    const said = [
      "qemu-system-x86_64: warning: TCG doesn't support requested feature: CPUID.01H:ECX.pcid [bit 17]",
      "qemu-system-x86_64: -netdev user,id=mgmt: Could not set up host forwarding rule 'tcp:127.0.0.1:22-:22'",
      '',
    ].join('\n');
    expect(qemuComplaint(said).split('\n')).to.have.length(1);
    expect(portTaken(qemuComplaint(said))).to.be.true;
    expect(portTaken('qemu-system-x86_64: out of memory')).to.be.false;
  });

  it('is not mistaken for a record of a machine', () => {
    expect(parseMachineRecord('{"schemaVersion": 1}')).to.be.undefined;
    expect(parseMachineRecord('no JSON')).to.be.undefined;
  });

  it('ports to try are outside of those that Linux hands out, and differ', () => {
    const tried = portCandidates();
    expect(new Set(tried).size).to.equal(tried.length);
    expect(tried.every((port) => port >= 20_000 && port < 32_768)).to.be.true;
  });
});
