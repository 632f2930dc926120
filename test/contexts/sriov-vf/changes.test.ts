import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { prepareVf, raisePf } from '../../../lib/contexts/sriov-vf/changes.js';
import { changesOf } from '../../../lib/contexts/sriov-vf/deploy.js';
import { guestDevices } from '../../../lib/contexts/sriov-vf/guest.js';
import { parseIpAddress, parseIpLink } from '../../../lib/contexts/sriov-vf/ip-link.js';
import type { Vf } from '../../../lib/contexts/sriov-vf/inventory.js';
import { localityOf } from '../../../lib/contexts/sriov-vf/locality.js';
import { sriovVfOptions } from '../../../lib/contexts/sriov-vf/options.js';
import type { Chosen } from '../../../lib/contexts/sriov-vf/prepare.js';
import * as scripts from '../../../lib/contexts/sriov-vf/scripts.js';
import { ineffective } from '../../../lib/contexts/sriov-vf/verify.js';
import { parseInterrupts, parseInterruptThreads } from '../../../lib/contexts/sriov-vf/vectors.js';
import { escapeText } from '../../../lib/tuning/batch.js';
import { inUse, recorded } from './snapshot.js';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/ip-link/${name}`, import.meta.url), 'utf8');
const free = (): Vf => {
  const vf = inUse().nics.flatMap((pf) => pf.vfs)[5];
  if (vf === undefined) throw new Error('no VF 5 in the recording');
  return vf;
};
const told = (
  changes: readonly {
    readonly label: string;
    readonly change?: { readonly kind: string; readonly before?: string | null; readonly after?: string | null };
  }[],
) => changes.map(({ label, change }) => `${label}: ${change?.before ?? '-'} -> ${change?.after ?? '-'}`);

describe('ip -j -d link show', () => {
  it('is read with the VFs of a PF', () => {
    const links = parseIpLink(fixture('iproute2-6.15.0-igb-vfs.json'));
    const pf = links.find(({ name }) => name === 'ens101');
    expect(pf).to.deep.include({ up: true, carrier: true, mtu: 1500, device: '0000:41:00.0', master: undefined });
    expect(pf?.vfs).to.have.length(6);
    expect(pf?.vfs[1]).to.deep.equal({
      index: 1,
      mac: '52:54:00:aa:00:01',
      vlan: 7,
      qos: 0,
      trust: false,
      spoofCheck: true,
      linkState: 'auto',
      minRate: 0,
      maxRate: 0,
    });
    expect(links.find(({ name }) => name === 'ens102')).to.deep.include({ up: false, carrier: false });
  });

  it('is read of older releases, whose VFs have other names for the same', () => {
    const [link] = parseIpLink(
      '[{},{"ifname":"p1","flags":["UP"],"vfinfo_list":[{"vf":0,"mac":"0A:00:00:00:00:01","vlan":5,"qos":2,"tx_rate":100}]}]',
    );
    expect(link?.vfs[0]).to.deep.include({ mac: '0a:00:00:00:00:01', vlan: 5, qos: 2, maxRate: 100, trust: undefined });
  });

  it('is refused with its beginning where it is something else', () => {
    expect(() => parseIpLink('Object "link" is unknown')).to.throw('not what ip -j -d link show prints: Object "link"');
    expect(parseIpLink('')).to.deep.equal([]);
  });

  it('has addresses beside it, link-local ones left out', () => {
    expect(parseIpAddress(fixture('iproute2-6.15.0-address.json')).get('ens101v4')).to.deep.equal(['192.0.2.77/24']);
    expect(parseIpAddress(fixture('iproute2-6.15.0-address.json')).get('ens101')).to.deep.equal([]);
  });
});

describe('what a VF shows, printed on the host', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'kvm4nfv-vf-'));
    mkdirSync(path.join(directory, 'device/net/ens101'), { recursive: true });
  });
  after(() => rmSync(directory, { recursive: true }));
  const field = (text: string, index: number, name: string): string => {
    const ip = path.join(directory, 'ip');
    writeFileSync(ip, `#!/bin/sh\ncat <<'END'\n${text}\nEND\n`, { mode: 0o755 });
    const script = scripts.vfFieldScript.replaceAll('/sys/bus/pci/devices/$1', `${directory}/device`);
    return spawnSync('sh', ['-c', script, 'sh', 'x', String(index), name], {
      env: { PATH: `${directory}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    }).stdout.trim();
  };

  it('is each setting of the text that iproute2 prints', () => {
    const text = fixture('iproute2-6.15.0-igb-vfs.txt');
    const fields = ['mac', 'vlan', 'qos', 'trust', 'spoofchk', 'state', 'max', 'min'];
    expect(fields.map((name) => field(text, 1, name))).to.deep.equal([
      '52:54:00:aa:00:01',
      '7',
      '0',
      'off',
      'on',
      'auto',
      '0',
      '0',
    ]);
  });

  it('is read with everything set, and of older releases', () => {
    const full =
      '    vf 12     link/ether 00:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff, vlan 100, qos 3, vlan protocol 802.1ad, tx rate 100 (Mbps), max_tx_rate 100Mbps, min_tx_rate 10Mbps, spoof checking off, link-state enable, trust on';
    const fields = ['mac', 'vlan', 'qos', 'trust', 'spoofchk', 'state', 'max', 'min'];
    expect(fields.map((name) => field(full, 12, name))).to.deep.equal([
      '00:00:00:00:00:01',
      '100',
      '3',
      'on',
      'off',
      'enable',
      '100',
      '10',
    ]);
    expect(field('    vf 0 MAC 0a:00:00:00:00:01, vlan 5, spoof checking on, link-state auto', 0, 'mac')).to.equal(
      '0a:00:00:00:00:01',
    );
    expect(field(full, 1, 'mac')).to.equal('');
  });
});

describe('the changes for a VF', () => {
  it('are those that are needed, with the old value each', () => {
    const changes = prepareVf(
      free(),
      { mac: '52:54:00:00:00:99', vlan: 100, qos: 3, trust: true, spoof_check: true, max_rate: 100 },
      'vfio-pci',
      false,
    );
    expect(told(changes)).to.deep.equal([
      'interface of 0000:41:11.2: down 1500 -> absent',
      'driver of 0000:41:11.2: kernel -> none',
      `mac of VF 5 of 0000:41:00.0: ${String(free().state?.mac)} -> 52:54:00:00:00:99`,
      'vlan of VF 5 of 0000:41:00.0: 0 -> 100',
      'qos of VF 5 of 0000:41:00.0: 0 -> 3',
      'trust of VF 5 of 0000:41:00.0: off -> on',
      'max of VF 5 of 0000:41:00.0: 0 -> 100',
      'driver_override of 0000:41:11.2: (null) -> vfio-pci',
      'driver of 0000:41:11.2: kernel -> vfio-pci',
    ]);
  });

  it('are none for a VF that is used by its own driver as it is', () => {
    expect(prepareVf(free(), {}, 'kernel', false)).to.deep.equal([]);
    expect(told(prepareVf(free(), { trust: true }, 'kernel', false))).to.deep.equal([
      'trust of VF 5 of 0000:41:00.0: off -> on',
    ]);
  });

  it('put VLAN and priority back together, whichever of the two was changed by libvirt meanwhile', () => {
    const vf = {
      ...free(),
      state: {
        index: 5,
        mac: '52:54:00:00:00:01',
        vlan: 7,
        qos: 1,
        trust: false,
        spoofCheck: true,
        linkState: 'auto',
        minRate: 0,
        maxRate: 0,
      },
    };
    const undos = prepareVf(vf, { vlan: 9 }, 'kernel', false).map(({ change }) =>
      change?.kind === 'action' ? change.undo.slice(-4) : [],
    );
    expect(undos).to.deep.equal([
      ['vlan', '7', 'qos', '1'],
      ['vlan', '7', 'qos', '1'],
    ]);
  });

  it('bring a PF up that is down, and know how to bring it down again', () => {
    const [up, down] = ['ens101', 'ens102'].map((name) => inUse().nics.find(({ link }) => link?.name === name));
    expect(up && raisePf(up)).to.equal(undefined);
    const change = down && raisePf(down)?.change;
    expect(change?.kind === 'action' && [change.before, change.after, ...change.undo.slice(-3)]).to.deep.equal([
      'down 1500',
      'up 1500',
      'down',
      '1500',
      '',
    ]);
  });

  it('fit into a batch: every word of every script can be told to the host', () => {
    for (const script of Object.values(scripts)) {
      expect(escapeText(script)).not.to.match(/[\s]/);
      expect(spawnSync('sh', ['-n', '-c', script]).status).to.equal(0);
    }
  });

  it('make a namespace, and move the interface there last', () => {
    const options = sriovVfOptions.parse({ in: 'namespace' });
    const pf = inUse().nics.find(({ link }) => link?.name === 'ens101');
    if (pf === undefined) throw new Error('no ens101');
    const chosen: Chosen[] = [{ device: free(), pf, want: { address: '192.0.2.1/24' }, fresh: false }];
    expect(told(changesOf(options, chosen, 'ns1'))).to.deep.equal([
      'network namespace ns1: absent -> present',
      'interface of 0000:41:11.2 in ns1: outside -> inside',
    ]);
  });
});

describe('what libvirt is given', () => {
  const pf = inUse().nics.find(({ link }) => link?.name === 'ens101');
  const chosen = (want: Chosen['want']): Chosen[] =>
    pf === undefined ? [] : [{ device: free(), pf, want, fresh: false }];

  it('is an interface with the MAC and VLAN that the VF has, since libvirt would take away what it is not told', () => {
    const options = sriovVfOptions.parse({ guest: {} });
    expect(guestDevices(chosen({ mac: '52:54:00:00:00:99', vlan: 100 }), options).interfaces).to.deep.equal([
      { type: 'hostdev', address: '0000:41:11.2', managed: false, mac: '52:54:00:00:00:99', vlan: 100 },
    ]);
    expect(guestDevices(chosen({ mac: '52:54:00:00:00:99' }), options).interfaces?.[0]).not.to.have.property('vlan');
  });

  it('is a hostdev where that is asked for, and for a whole port', () => {
    for (const wish of [
      { guest: {}, attach: 'hostdev' },
      { guest: {}, passthrough: 'pf' },
    ])
      expect(guestDevices(chosen({}), sriovVfOptions.parse(wish))).to.deep.equal({
        interfaces: [],
        hostdevs: [{ address: '0000:41:11.2', managed: false }],
      });
  });
});

describe('reading VFs back', () => {
  it('finds what the driver of the PF did not take over', () => {
    const inventory = inUse();
    const pf = inventory.nics.find(({ link }) => link?.name === 'ens101');
    if (pf === undefined) throw new Error('no ens101');
    const chosen: Chosen[] = [{ device: free(), pf, want: { vlan: 100, trust: false }, fresh: false }];
    expect(ineffective(inventory, chosen, 'vfio-pci').map(({ message }) => message)).to.deep.equal([
      'driver of 0000:41:11.2: vfio-pci asked for, kernel in effect',
      'VLAN of VF 5 (0000:41:11.2): 100 asked for, 0 in effect',
    ]);
    expect(ineffective(inventory, [{ device: free(), pf, want: {}, fresh: false }], 'kernel')).to.deep.equal([]);
  });
});

describe('locality of NIC and guest', () => {
  const cpus = [
    { id: 0, cpus: [0, 1] },
    { id: 1, cpus: [2, 3] },
  ];
  const facts = { topology: { nodes: cpus, online: [0, 1, 2, 3], cpus: [], present: [0, 1, 2, 3], offline: [] } };
  const pf = inUse().nics.find(({ link }) => link?.name === 'ens101');
  const chosen: Chosen[] = pf === undefined ? [] : [{ device: free(), pf, want: {}, fresh: false }];
  it('is told by node, and left open where nothing is pinned', () => {
    const guest = (input: object) => sriovVfOptions.parse({ guest: input }).guest;
    expect(localityOf(facts, chosen, guest({ node: 1 }))).to.deep.equal({ devices: '1', user: '1', local: true });
    expect(localityOf(facts, chosen, guest({ node: 0 }))).to.deep.equal({ devices: '1', user: '0', local: false });
    expect(localityOf(facts, chosen, guest({}))).to.deep.equal({ devices: '1', user: 'not pinned', local: undefined });
  });
});

describe('vectors', () => {
  it('are read from /proc/interrupts with their names and counts', () => {
    const lines = parseInterrupts(recorded('linux-6.12-igb-in-use').files['/proc/interrupts'] ?? '');
    expect(lines.find(({ irq }) => irq === 16)).to.deep.include({ name: 'i801_smbus' });
    expect(lines.find(({ name }) => name === 'ens101-TxRx-0')).to.deep.include({
      irq: 47,
      chip: 'IR-PCI-MSIX-0000:41:00.0',
    });
    expect(
      parseInterrupts(
        '           CPU0       CPU1\n 98:   7   5  PCI-MSI 524288-edge      vfio-msix[0](0000:3b:10.0)\nNMI: 0 0 Non-maskable\n',
      ),
    ).to.deep.equal([{ irq: 98, count: 12, chip: 'PCI-MSI', name: 'vfio-msix[0](0000:3b:10.0)' }]);
  });

  it('are matched with their threads', () => {
    const stat = '112 (irq/49-ens101v0) S 2 0\n113 (irq/50-vfio-msi) S 2 0\n114 (irq/49-s-ens101) S 2 0\n';
    expect(parseInterruptThreads(stat).get(49)).to.deep.equal([
      { pid: 112, name: 'irq/49-ens101v0' },
      { pid: 114, name: 'irq/49-s-ens101' },
    ]);
  });
});
