import { expect } from 'chai';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localHost } from '../../lib/host/local.js';
import { LibvirtError } from '../../lib/libvirt/error.js';
import type { Hypervisor } from '../../lib/libvirt/hypervisor.js';
import { openHypervisor } from '../../lib/libvirt/open.js';
import type { LifecycleEvent } from '../../lib/libvirt/types.js';
import { bindingFrom, noBinding } from '../support/libvirt-binding.js';
import { noLibvirtd, startLibvirtd, type PrivateLibvirtd } from '../support/libvirtd.js';
import { rejection } from '../support/rejection.js';

const document = (name: string, run: string): string => `<domain type="qemu">
  <name>${name}</name>
  <metadata>
    <k:owner xmlns:k="https://kvm4nfv.dev/libvirt/1" run="${run}" context="guest"/>
  </metadata>
  <memory unit="MiB">32</memory>
  <vcpu>2</vcpu>
  <iothreads>1</iothreads>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
  </os>
  <devices>
    <controller type="usb" model="none"/>
    <memballoon model="none"/>
  </devices>
</domain>
`;
const foreign = (name: string): string => document(name, 'x').replace(/<metadata>[\s\S]*<\/metadata>/, '');

for (const implementation of ['virsh', 'binding'] as const) {
  const open = (uri: string): Promise<Hypervisor> => openHypervisor(localHost(), uri, { implementation, bindingFrom });

  describe(`Hypervisor by ${implementation}, on libvirt's test driver`, () => {
    let hypervisor: Hypervisor;
    let opened: Hypervisor | undefined;
    before(async function () {
      const why = implementation === 'binding' ? await noBinding() : undefined;
      if (why !== undefined) {
        console.log(`      skipped: ${why}`);
        this.skip();
      }
      hypervisor = opened = await open('test:///default');
    });
    after(() => opened?.[Symbol.asyncDispose]());

    it('is the implementation that was asked for', () => {
      expect(hypervisor.implementation).to.equal(implementation);
    });

    it('lists and finds the domain that is there, by name and by UUID', async () => {
      const [domain] = await hypervisor.list();
      expect(domain).to.deep.equal({ name: 'test', uuid: '6695eb01-f6a4-8304-79aa-97f2502e193f', id: 1 });
      expect(await hypervisor.lookup('test')).to.deep.equal(domain);
      expect(await hypervisor.lookup('6695eb01-f6a4-8304-79aa-97f2502e193f')).to.deep.equal(domain);
    });

    it('gives undefined for a domain that is not there', async () => {
      expect(await hypervisor.lookup('nope')).to.equal(undefined);
      expect(await hypervisor.lookup('00000000-0000-4000-8000-000000000000')).to.equal(undefined);
    });

    it('tells state, memory and vCPUs', async () => {
      const { cpuTime, ...info } = await hypervisor.info('test');
      expect(info).to.deep.equal({ state: 'running', maxMemory: 8 * 2 ** 30, memory: 2 * 2 ** 30, vcpus: 2 });
      expect(cpuTime).to.be.greaterThan(0);
    });

    it('calls none of them ours', async () => {
      expect(await hypervisor.ours()).to.deep.equal([]);
    });

    it("throws libvirt's own text, number and name for a domain that is not there", async () => {
      const error = await rejection(hypervisor.destroy('nope'));
      expect(error).to.be.instanceOf(LibvirtError);
      expect(error).to.include({ codeName: 'VIR_ERR_NO_DOMAIN', number: 42 });
    });

    it('shows the line of a document that is not well-formed', async () => {
      const bad = document('bad', 'r').replace('</memory>', '</mem>');
      const error = await rejection(hypervisor.create(bad, { validate: false }));
      expect(error).to.have.property('message').that.contains('</mem>');
    });

    it('pins and reads pinning', async () => {
      expect((await hypervisor.pinning('test')).vcpus.get(1)).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7]);
    });

    it("reads the host's NUMA cells and CPUs", async () => {
      const { cells, guests } = await hypervisor.capabilities();
      expect(cells.map(({ id, cpus }) => [id, cpus.length])).to.deep.equal([
        [0, 8],
        [1, 8],
      ]);
      expect(guests[0]?.domains).to.deep.equal(['test']);
    });

    it('reads the addresses of interfaces', async () => {
      expect(await hypervisor.interfaceAddresses('test', 'lease')).to.deep.equal([
        { interface: 'testnet0', mac: 'aa:bb:cc:dd:ee:ff', family: 'ipv4', address: '192.168.122.3', prefix: 24 },
      ]);
    });
  });

  describe(`Hypervisor by ${implementation}, on a real libvirtd`, function () {
    this.timeout(180_000);
    let libvirtd: PrivateLibvirtd;
    let hypervisor: Hypervisor;
    let files = '';
    const used: AsyncDisposable[] = [];
    const name = `kvm4nfv-contract-${implementation}`;

    before(async function () {
      const why = (await noLibvirtd()) ?? (implementation === 'binding' ? await noBinding() : undefined);
      if (why !== undefined) {
        console.log(`      skipped: ${why}`);
        this.skip();
      }
      files = await mkdtemp(join(tmpdir(), 'kvm4nfv-contract-'));
      libvirtd = await startLibvirtd();
      used.push(libvirtd);
      hypervisor = await open(libvirtd.uri);
      used.push(hypervisor);
    });
    after(async () => {
      for (const one of used.reverse()) await one[Symbol.asyncDispose]();
      if (files !== '') await rm(files, { recursive: true, force: true });
    });
    // One paused domain serves all tests that leave it there; starting and ending one takes seconds on some machines.
    beforeEach(async () => {
      if ((await hypervisor.lookup(name)) === undefined)
        await hypervisor.create(document(name, 'run-1'), { paused: true });
    });
    afterEach(async () => {
      const others = (await hypervisor.list()).filter((domain) => domain.name !== name);
      await Promise.all(others.map(({ uuid }) => hypervisor.destroy(uuid)));
    });

    it('starts a domain paused, resumes, suspends and destroys it', async () => {
      expect(await hypervisor.info(name)).to.include({ state: 'paused', vcpus: 2, maxMemory: 32 * 2 ** 20 });
      await hypervisor.resume(name);
      expect((await hypervisor.info(name)).state).to.equal('running');
      await hypervisor.suspend(name);
      expect((await hypervisor.info(name)).state).to.equal('paused');
      await hypervisor.destroy(name);
      expect(await hypervisor.lookup(name)).to.equal(undefined);
    });

    it('finds our domains by run and leaves out those of others', async () => {
      await hypervisor.create(document('other-run', 'run-2'), { paused: true });
      await hypervisor.create(foreign('foreign'), { paused: true });
      expect((await hypervisor.list()).map((domain) => domain.name)).to.have.members([name, 'other-run', 'foreign']);
      expect((await hypervisor.ours()).map((domain) => [domain.name, domain.run, domain.context])).to.have.deep.members(
        [
          [name, 'run-1', 'guest'],
          ['other-run', 'run-2', 'guest'],
        ],
      );
      expect((await hypervisor.ours('run-2')).map((domain) => domain.name)).to.deep.equal(['other-run']);
    });

    it('pins vCPUs, emulator and IOThreads and reads it back', async () => {
      await hypervisor.pinVcpu(name, 1, [0]);
      await hypervisor.pinEmulator(name, [0]);
      await hypervisor.pinIoThread(name, 1, [0]);
      const { vcpus, emulator, iothreads } = await hypervisor.pinning(name);
      expect(vcpus.get(1)).to.deep.equal([0]);
      expect([...vcpus.keys()]).to.deep.equal([0, 1]);
      expect(emulator).to.deep.equal([0]);
      expect(iothreads).to.deep.equal(new Map([[1, [0]]]));
    });

    it('saves a domain to a file and restores it paused', async () => {
      const path = join(files, 'saved');
      await hypervisor.save(name, path);
      expect(await hypervisor.lookup(name)).to.equal(undefined);
      expect(await hypervisor.savedXml(path)).to.contain(`<name>${name}</name>`);
      await hypervisor.restore(path, { paused: true });
      expect((await hypervisor.info(name)).state).to.equal('paused');
      await hypervisor.destroy(name);
      await hypervisor.restore(path, {
        paused: true,
        xml: document(name, 'run-9').replace(
          '</name>',
          `</name><uuid>${uuidIn(await hypervisor.savedXml(path))}</uuid>`,
        ),
      });
      expect((await hypervisor.ours('run-9')).map((domain) => domain.name)).to.deep.equal([name]);
      await hypervisor.destroy(name);
    });

    it('refuses a second domain of the same name', async () => {
      const error = await rejection(hypervisor.create(document(name, 'run-2')));
      expect(error).to.include({ codeName: 'VIR_ERR_OPERATION_FAILED' });
      expect(error).to.have.property('message').that.contains('already exists');
    });

    it('names the element that libvirt does not know, with its line', async () => {
      const bad = document('bad', 'r').replace('<vcpu>', '<warp>9</warp>\n  <vcpu>');
      const error = await rejection(hypervisor.create(bad));
      expect(error).to.have.nested.property('line.text', '  <warp>9</warp>');
      expect(error).to.have.nested.property('line.number', 7);
      expect(error).to.include({ codeName: 'VIR_ERR_XML_INVALID_SCHEMA' });
    });

    it('runs monitor commands and throws what QEMU refuses', async () => {
      const cpus = await hypervisor.monitor(name, { execute: 'query-cpus-fast' });
      expect(cpus).to.be.an('array').with.lengthOf(2);
      const error = await rejection(hypervisor.monitor(name, { execute: 'no-such-command' }));
      expect(error).to.have.property('message').that.contains('CommandNotFound');
    });

    it('says that there is no guest agent', async () => {
      const error = await rejection(hypervisor.agent(name, { execute: 'guest-ping' }, { timeout: 2000 }));
      expect(error).to.be.instanceOf(LibvirtError);
      expect(error).to.have.property('message').that.contains('guest agent');
    });

    it('reads statistics and jobs, and sets a migration limit', async () => {
      expect(await hypervisor.statistics(name)).to.include({ 'vcpu.current': 2, 'balloon.maximum': 32768 });
      expect((await hypervisor.job(name)).type).to.equal('none');
      await hypervisor.setMaxDowntime(name, 100);
    });

    it('tells lifecycle events as they come, and none after the signal', async () => {
      const controller = new AbortController();
      const seen: string[] = [];
      const events = await hypervisor.events({ run: 'contract', signal: controller.signal, domain: name });
      const reading = (async () => {
        for await (const { event, detail } of events) {
          seen.push(`${event} ${detail}`);
          if ((event satisfies LifecycleEvent['event']) === 'stopped') controller.abort();
        }
      })();
      await hypervisor.resume(name);
      await hypervisor.suspend(name);
      await hypervisor.destroy(name);
      await reading;
      expect(seen).to.deep.equal([
        'resumed unpaused',
        'suspended paused',
        'shutdown finished after host request',
        'stopped destroyed',
      ]);
    });

    it('defines, starts and undefines a persistent domain', async () => {
      await hypervisor.define(document('lasting', 'run-1'));
      await hypervisor.start('lasting', { paused: true });
      expect((await hypervisor.info('lasting')).state).to.equal('paused');
      await hypervisor.destroy('lasting');
      expect((await hypervisor.info('lasting')).state).to.equal('shutoff');
      await hypervisor.undefine('lasting');
      expect(await hypervisor.lookup('lasting')).to.equal(undefined);
    });

    it('tells versions and what domains can be', async () => {
      const versions = await hypervisor.versions();
      expect(versions).to.include({ driver: 'QEMU' });
      expect(versions.daemon).to.match(/^\d+\.\d+\.\d+$/);
      const capabilities = await hypervisor.domainCapabilities({ type: 'qemu', machine: 'q35' });
      expect(capabilities.cpuModes).to.include('maximum');
      expect(capabilities.devices['disk.bus']).to.include('virtio');
      expect((await hypervisor.capabilities()).cells[0]?.cpus.length).to.be.greaterThan(0);
    });

    it('lists devices of the host with their documents', async () => {
      const devices = await hypervisor.nodeDevices('net');
      for (const device of devices) expect(device.xml).to.contain(`<name>${device.name}</name>`);
    });

    it('goes on after libvirtd was killed and started again', async () => {
      await hypervisor.list();
      await libvirtd.kill();
      await libvirtd.restart();
      expect((await hypervisor.ours('run-1')).map((domain) => domain.name)).to.deep.equal([name]);
    });

    it('gives up when the signal comes', async () => {
      const error = await rejection(hypervisor.list({ signal: AbortSignal.abort() }));
      expect(error).to.be.instanceOf(Error);
    });
  });
}

const uuidIn = (xml: string): string => /<uuid>(.*)<\/uuid>/.exec(xml)?.[1] ?? '';
