import type { Host } from '../../host/host.js';
import { runBatch } from '../../tuning/batch.js';
import { command, files, line, names, outputOf, type Request, type Snapshot } from '../../tuning/reading.js';
import { leaseDirectory } from '../kvm-guest/resources.js';
import { parseIpAddress, parseIpLink, type NetworkLink, type VfState } from './ip-link.js';
import { domainsScript, linksScript, namespacesScript, vfioPresentScript, vfioScript } from './scripts.js';

const devices = '/sys/bus/pci/devices';
const script = (text: string): readonly string[] => ['sh', '-c', text, 'kvm4nfv-look'];
const links = script(linksScript);
const vfio = script(vfioScript);
const domains = script(domainsScript);
const namespaces = script(namespacesScript);
const vfioPresent = script(vfioPresentScript);
const ipLink = ['ip', '-j', '-d', 'link', 'show'];
const ipAddress = ['ip', '-j', 'address', 'show'];

/** All that is read of a host, in one round trip. */
export const inventoryRequests: readonly Request[] = [
  ...files(
    ...[
      'class',
      'vendor',
      'device',
      'numa_node',
      'local_cpulist',
      'driver_override',
      'sriov_totalvfs',
      'sriov_numvfs',
      'sriov_drivers_autoprobe',
    ].map((name) => `${devices}/*/${name}`),
    '/proc/cmdline',
    '/proc/cpuinfo',
    '/proc/interrupts',
    '/proc/sys/kernel/random/boot_id',
    '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts',
    `${leaseDirectory}/*`,
  ),
  names(`${devices}/*/net/*`),
  names(`${devices}/*/virtio*/net/*`),
  names(`${devices}/*/vfio-dev/*`),
  names('/sys/class/iommu/*'),
  names('/sys/kernel/iommu_groups/*'),
  ...[links, vfio, domains, namespaces, vfioPresent, ipLink, ipAddress].map((argv) => command(...argv)),
];

export interface PciDevice {
  readonly address: string;
  /** Six digits: base class, subclass, programming interface. */
  readonly class: string;
  /** `8086:10ca`. */
  readonly id: string;
  readonly driver: string | undefined;
  readonly driverOverride: string | undefined;
  readonly group: string | undefined;
  /** -1 and its like, which stand for no node, are left out. */
  readonly node: number | undefined;
  readonly localCpus: string | undefined;
  /** The bridge that it hangs on. */
  readonly upstream: string | undefined;
  readonly link: NetworkLink | undefined;
  readonly addresses: readonly string[];
  /** `cdev` of VFIO, such as vfio0. */
  readonly vfioDevice: string | undefined;
}

export interface Vf extends PciDevice {
  /** PCI address of its PF. */
  readonly pf: string;
  /** Its number on the PF. */
  readonly index: number;
  readonly state: VfState | undefined;
}

export interface Pf extends PciDevice {
  /** Greatest number of VFs. Undefined: no SR-IOV. */
  readonly totalVfs: number | undefined;
  /** `1`: drivers take hold of VFs by themselves. Undefined: no SR-IOV, or a kernel before 4.13. */
  readonly autoprobe: string | undefined;
  /** By number. */
  readonly vfs: readonly Vf[];
}

export interface VfioHolder {
  readonly pid: number;
  readonly command: string;
  /** `/dev/vfio/13` or `/dev/vfio/devices/vfio0`. */
  readonly file: string;
}

/** A host's PCI devices as far as SR-IOV is concerned, and who uses what. */
export interface Inventory {
  readonly bootId: string;
  readonly cpuVendor: 'intel' | 'amd' | 'other';
  readonly commandLine: string;
  readonly iommu: boolean;
  /** Interrupts are remapped, or vfio was told to do without. */
  readonly interruptsIsolated: boolean;
  readonly vfioPresent: boolean;
  readonly devices: ReadonlyMap<string, PciDevice>;
  /** Ethernet devices that are no VFs, in the order of their addresses. */
  readonly nics: readonly Pf[];
  readonly vfioHolders: readonly VfioHolder[];
  /** Documents of libvirt's domains. */
  readonly domains: readonly string[];
  /** Network namespace of each PCI device whose interface is in a named one. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Text of each lease by what it is of. */
  readonly leases: ReadonlyMap<string, string>;
}

interface Links {
  readonly drivers: ReadonlyMap<string, string>;
  readonly groups: ReadonlyMap<string, string>;
  readonly upstream: ReadonlyMap<string, string>;
  /** By VF: PF and number. */
  readonly virtual: ReadonlyMap<string, { readonly pf: string; readonly index: number }>;
}

const base = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const pciAddress = /^[\da-f]{4,}:[\da-f]{2}:[\da-f]{2}\.\d$/;

/** Reads what `linksScript` prints: `path target` lines. */
export const parseLinks = (text: string): Links => {
  const drivers = new Map<string, string>();
  const groups = new Map<string, string>();
  const upstream = new Map<string, string>();
  const virtual = new Map<string, { pf: string; index: number }>();
  for (const entry of text.split('\n')) {
    const [path = '', target = ''] = entry.split(' ');
    const [address = '', name] = path
      .slice(devices.length + 1)
      .split('/')
      .filter((part) => part !== '');
    if (!path.startsWith(`${devices}/`) || !pciAddress.test(address)) continue;
    if (name === undefined) {
      const parent = target.split('/').at(-2) ?? '';
      if (pciAddress.test(parent)) upstream.set(address, parent);
    } else if (name === 'driver') drivers.set(address, base(target));
    else if (name === 'iommu_group') groups.set(address, base(target));
    else if (/^virtfn\d+$/.test(name))
      virtual.set(base(target), { pf: address, index: Number(name.slice('virtfn'.length)) });
  }
  return { drivers, groups, upstream, virtual };
};

const numberOf = (now: Snapshot, path: string): number | undefined => {
  const text = line(now, path);
  return text === undefined || !/^-?\d+$/.test(text) ? undefined : Number(text);
};

const printed = (now: Snapshot, argv: readonly string[]): string => outputOf(now, ...argv)?.stdout ?? '';

const parseHolders = (text: string): VfioHolder[] =>
  text.split('\n').flatMap((entry) => {
    const [pid = '', name = '', file = ''] = entry.split(' ');
    return file === '' || file === '/dev/vfio/vfio' ? [] : [{ pid: Number(pid), command: name, file }];
  });

const parseNamespaces = (text: string): Map<string, string> =>
  new Map(
    text.split('\n').flatMap((entry): [string, string][] => {
      const blank = entry.indexOf(' ');
      const name = entry.slice(0, Math.max(0, blank));
      return name === ''
        ? []
        : parseIpLink(entry.slice(blank + 1)).flatMap(({ device }): [string, string][] =>
            device === undefined ? [] : [[device, name]],
          );
    }),
  );

const vendorOf = (cpuinfo: string): Inventory['cpuVendor'] =>
  cpuinfo.includes('GenuineIntel') ? 'intel' : /AuthenticAMD|HygonGenuine/.test(cpuinfo) ? 'amd' : 'other';

const byAddress = (a: PciDevice, b: PciDevice): number => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0);

/** Interfaces by device: what iproute2 tells, and the kernel's own word for an iproute2 that does not. */
const linksByDevice = (now: Snapshot, all: readonly NetworkLink[]): Map<string, NetworkLink> => {
  const byName = new Map(all.map((one) => [one.name, one]));
  const shown = [...now.names].flatMap((path): [string, NetworkLink][] => {
    const [, address = '', name = ''] = /\/devices\/([^/]+)\/(?:virtio\d+\/)?net\/([^/]+)$/.exec(path) ?? [];
    const found = byName.get(name);
    return found === undefined ? [] : [[address, found]];
  });
  return new Map(shown);
};

const namesBelow = (now: Snapshot, folder: string): Map<string, string> =>
  new Map(
    [...now.names].flatMap((path): [string, string][] => {
      const [, address = '', name = ''] = new RegExp(`/devices/([^/]+)/${folder}/([^/]+)$`).exec(path) ?? [];
      return name === '' ? [] : [[address, name]];
    }),
  );

const devicesOf = (now: Snapshot, { drivers, groups, upstream }: Links): Map<string, PciDevice> => {
  const byDevice = linksByDevice(now, parseIpLink(printed(now, ipLink)));
  const addresses = parseIpAddress(printed(now, ipAddress));
  const cdevs = namesBelow(now, 'vfio-dev');
  const found = [...now.files.keys()].flatMap((path) => /\/devices\/([^/]+)\/class$/.exec(path)?.[1] ?? []);
  return new Map(
    found.sort().map((address): [string, PciDevice] => {
      const read = (name: string): string | undefined => line(now, `${devices}/${address}/${name}`);
      const node = numberOf(now, `${devices}/${address}/numa_node`);
      const override = read('driver_override');
      const own = byDevice.get(address);
      return [
        address,
        {
          address,
          class: (read('class') ?? '').replace(/^0x/, ''),
          id: [read('vendor'), read('device')].map((part = '') => part.replace(/^0x/, '')).join(':'),
          driver: drivers.get(address),
          driverOverride: override === '(null)' || override === '' ? undefined : override,
          group: groups.get(address),
          node: node === undefined || node < 0 ? undefined : node,
          localCpus: read('local_cpulist'),
          upstream: upstream.get(address),
          link: own,
          addresses: own === undefined ? [] : (addresses.get(own.name) ?? []),
          vfioDevice: cdevs.get(address),
        },
      ];
    }),
  );
};

/** Reads a snapshot of {@link inventoryRequests}; pure. */
export const inventoryOf = (now: Snapshot): Inventory => {
  const all = parseLinks(printed(now, links));
  const known = devicesOf(now, all);
  const vfsOf = (pf: PciDevice): Vf[] =>
    [...all.virtual]
      .flatMap(([address, { pf: owner, index }]): Vf[] => {
        const device = known.get(address);
        if (owner !== pf.address || device === undefined) return [];
        return [{ ...device, pf: owner, index, state: pf.link?.vfs.find((one) => one.index === index) }];
      })
      .sort((a, b) => a.index - b.index);
  const nics = [...known.values()]
    .filter((device) => device.class.startsWith('02') && !all.virtual.has(device.address))
    .map((device): Pf => ({
      ...device,
      totalVfs: numberOf(now, `${devices}/${device.address}/sriov_totalvfs`),
      autoprobe: line(now, `${devices}/${device.address}/sriov_drivers_autoprobe`),
      vfs: vfsOf(device),
    }))
    .sort(byAddress);
  const unsafe = line(now, '/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts');
  const interrupts = now.files.get('/proc/interrupts') ?? '';
  const vendor = vendorOf(now.files.get('/proc/cpuinfo') ?? '');
  return {
    bootId: line(now, '/proc/sys/kernel/random/boot_id') ?? '',
    cpuVendor: vendor,
    commandLine: line(now, '/proc/cmdline') ?? '',
    iommu: [...now.names].some((path) => path.startsWith('/sys/kernel/iommu_groups/')),
    interruptsIsolated: vendor === 'other' || unsafe === 'Y' || /\bIR-/.test(interrupts),
    vfioPresent: printed(now, vfioPresent).trim() === 'yes',
    devices: known,
    nics,
    vfioHolders: parseHolders(printed(now, vfio)),
    domains: printed(now, domains)
      .split('\x1e\n')
      .filter((text) => text.trim() !== ''),
    namespaces: parseNamespaces(printed(now, namespaces)),
    leases: new Map(
      [...now.files].flatMap(([path, text]) =>
        path.startsWith(`${leaseDirectory}/`) ? [[base(path), text] as const] : [],
      ),
    ),
  };
};

/** What a host has, in one round trip. */
export const takeInventory = async (host: Host, signal?: AbortSignal): Promise<Inventory> =>
  inventoryOf((await runBatch(host, { requests: inventoryRequests }, signal)).snapshot);
