import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { built, eventsIn, inDirectory, root, runsIn } from '../../cli/cli.js';
import { startLibvirtd, type PrivateLibvirtd } from '../../support/libvirtd.js';
import { noGuests } from './guests.js';
import { traces } from './traces.js';

const network = `<network><name>mgmt</name><bridge name="vbr9"/><ip address="198.51.100.1" netmask="255.255.255.0">
  <dhcp><range start="198.51.100.10" end="198.51.100.99"/></dhcp></ip></network>`;

/** Three guests, each with another management network; none has a route to anywhere else. */
const suite = (uri: string): string =>
  JSON.stringify({
    suite: 'networks',
    contexts: Object.fromEntries(
      Object.entries({
        fixed: { bridge: 'kvmbr0', address: '192.0.2.5/24', gateway: '192.0.2.1' },
        asking: { bridge: 'kvmbr1' },
        leased: { network: 'mgmt' },
      }).map(([name, management]) => [
        name,
        {
          type: 'kvm-guest',
          vcpus: 1,
          memory: '384MiB',
          boot_timeout: '10m',
          connection: uri,
          network: management,
          // Each with two cards to measure through.
          interfaces: [
            { type: 'bridge', bridge: 'kvmbr0', queues: 2 },
            { type: 'network', network: 'mgmt', rx_queue_size: 512 },
          ],
        },
      ]),
    ),
    tests: ['fixed', 'asking', 'leased'].map((context) => ({
      name: context,
      scenario: 'timer',
      context,
      options: { tool: 'cyclictest', cpus: 0, loops: 100, histogram: '100ms', break: 'none' },
    })),
  });

describe('The management network of a guest', function () {
  this.timeout(30 * 60_000);
  let started = false;
  let libvirtd: PrivateLibvirtd;
  let directory: string;
  let dhcp: ChildProcess | undefined;

  const inside = (...argv: readonly string[]): string =>
    execFileSync('nsenter', ['-t', String(libvirtd.pid), '-n', ...argv], { encoding: 'utf8' });
  const virsh = (...argv: readonly string[]): string =>
    execFileSync('virsh', ['-q', '-c', libvirtd.uri, ...argv], { encoding: 'utf8' });

  before(async function () {
    const reason = (await noGuests()) ?? (existsSync('/usr/sbin/dnsmasq') ? undefined : 'dnsmasq is not installed');
    if (reason !== undefined) {
      console.log(`    no guests on networks: ${reason}`);
      this.skip();
    }
    await built();
    directory = await mkdtemp(join(tmpdir(), 'kvm4nfv-networks-'));
    libvirtd = await startLibvirtd({ network: true });
    started = true;
    for (const [bridge, address] of [
      ['kvmbr0', '192.0.2.1/24'],
      ['kvmbr1', '203.0.113.1/24'],
    ] as const) {
      inside('ip', 'link', 'add', bridge, 'type', 'bridge');
      inside('ip', 'address', 'add', address, 'dev', bridge);
      inside('ip', 'link', 'set', bridge, 'up');
    }
    const file = join(directory, 'network.xml');
    await writeFile(file, network);
    virsh('net-create', file);
    const options = [
      '--conf-file=/dev/null',
      '--keep-in-foreground',
      '--port=0',
      '--bind-interfaces',
      '--interface=kvmbr1',
      '--except-interface=lo',
    ];
    const state = [
      `--dhcp-leasefile=${directory}/leases`,
      '--pid-file=',
      '--user=root',
      '--dhcp-range=203.0.113.10,203.0.113.99',
    ];
    dhcp = spawn('nsenter', ['-t', String(libvirtd.pid), '-n', 'dnsmasq', ...options, ...state], { stdio: 'ignore' });
  });

  after(async () => {
    if (dhcp?.exitCode === null && dhcp.signalCode === null) {
      const ended = once(dhcp, 'exit');
      dhcp.kill();
      await ended;
    }
    if (!started) return;
    virsh('net-destroy', 'mgmt');
    await libvirtd[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  it('is a fixed address on a bridge, an address that a bridge leases, or a network of libvirt', async () => {
    await inDirectory(async (place) => {
      const file = join(place, 'suite.yaml');
      await writeFile(file, suite(libvirtd.uri));
      const argv = ['-t', String(libvirtd.pid), '-n', process.execPath, join(root, 'dist/kvm4nfv.js'), 'run', file];
      const child = spawn('nsenter', argv, { cwd: place, stdio: ['ignore', 'pipe', 'pipe'] });
      const [stdout, stderr, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'close') as Promise<[number | null]>,
      ]);
      expect(code, stdout + stderr).to.equal(0);
      const [run = ''] = await runsIn(place);
      const verdicts = (await eventsIn(place, run)).flatMap((event) =>
        event.type === 'test-finished' ? [event.verdict] : [],
      );
      expect(verdicts).to.deep.equal(['pass', 'pass', 'pass']);
      const document = await readFile(join(place, 'results', run, 'contexts/fixed/fixed.xml'), 'utf8');
      expect(document.match(/<interface type="\w+"/g)).to.deep.equal([
        '<interface type="bridge"',
        '<interface type="bridge"',
        '<interface type="network"',
      ]);
      expect(traces(run)).to.deep.equal([]);
      expect(inside('ip', '-br', 'link')).not.to.match(/vnet/);
    });
  });
});
