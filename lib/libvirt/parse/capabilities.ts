import { parseCpuList } from '../../host/cpu-list.js';
import type { Bytes } from '../../measure/units.js';
import { optional } from '../optional.js';
import { attribute, find, findAll, textOf, type XmlElement } from '../xml/element.js';
import { parseXml } from '../xml/document.js';

export interface HostCpu {
  readonly id: number;
  readonly socket?: number;
  readonly core?: number;
  /** Threads of its core, itself included. */
  readonly siblings: readonly number[];
}

/** A NUMA node as libvirt tells it. */
export interface NumaCell {
  readonly id: number;
  readonly memory: Bytes;
  readonly cpus: readonly HostCpu[];
  readonly pages: readonly { readonly size: Bytes; readonly count: number }[];
}

export interface CacheBank {
  readonly id: number;
  readonly level: number;
  readonly size: Bytes;
  readonly cpus: readonly number[];
  /** Present where the bank can be allocated (CAT): the smallest step. */
  readonly granularity?: Bytes;
}

export interface GuestCapability {
  readonly arch: string;
  readonly emulator?: string;
  /** Hypervisor kinds: `qemu`, `kvm`. That `kvm` is among them does not mean that a guest boots: see probeKvm. */
  readonly domains: readonly string[];
  readonly machines: readonly { readonly name: string; readonly canonical?: string }[];
}

export interface Capabilities {
  readonly uuid?: string;
  readonly arch: string;
  readonly model?: string;
  readonly vendor?: string;
  readonly features: readonly string[];
  readonly cells: readonly NumaCell[];
  readonly caches: readonly CacheBank[];
  readonly iommu: boolean;
  readonly guests: readonly GuestCapability[];
}

const number = (text: string | undefined): number | undefined =>
  text === undefined || text === '' ? undefined : Number(text);

const unitBytes: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
const bytes = (value: string | undefined, unit: string | undefined): Bytes =>
  Number(value ?? 0) * (unitBytes[unit ?? 'KiB'] ?? 1024);

const cpuOf = (cpu: XmlElement): HostCpu => {
  const id = Number(attribute(cpu, 'id'));
  return {
    id,
    ...optional('socket', number(attribute(cpu, 'socket_id'))),
    ...optional('core', number(attribute(cpu, 'core_id'))),
    siblings: parseCpuList(attribute(cpu, 'siblings') ?? String(id)),
  };
};

const cellOf = (cell: XmlElement): NumaCell => ({
  id: Number(attribute(cell, 'id')),
  memory: bytes(textOf(cell, 'memory'), attribute(find(cell, 'memory'), 'unit')),
  cpus: findAll(cell, 'cpus', 'cpu').map(cpuOf),
  pages: findAll(cell, 'pages').map((pages) => ({
    size: bytes(attribute(pages, 'size'), attribute(pages, 'unit')),
    count: Number(textOf(pages)),
  })),
});

const bankOf = (bank: XmlElement): CacheBank => {
  const control = find(bank, 'control');
  const step = attribute(control, 'granularity');
  return {
    id: Number(attribute(bank, 'id')),
    level: Number(attribute(bank, 'level')),
    size: bytes(attribute(bank, 'size'), attribute(bank, 'unit')),
    cpus: parseCpuList(attribute(bank, 'cpus') ?? ''),
    ...(step === undefined ? {} : { granularity: bytes(step, attribute(control, 'unit')) }),
  };
};

const guestOf = (guest: XmlElement): GuestCapability => {
  const arch = find(guest, 'arch');
  return {
    arch: attribute(arch, 'name') ?? '',
    ...optional('emulator', textOf(arch, 'emulator')),
    domains: findAll(arch, 'domain').flatMap((domain) => attribute(domain, 'type') ?? []),
    machines: findAll(arch, 'machine').map((machine) => ({
      name: textOf(machine) ?? '',
      ...optional('canonical', attribute(machine, 'canonical')),
    })),
  };
};

/** Reads what `virsh capabilities` prints. */
export const parseCapabilities = (xml: string): Capabilities => {
  const root = parseXml(xml, 'capabilities');
  const host = find(root, 'host');
  const cpu = find(host, 'cpu');
  return {
    ...optional('uuid', textOf(host, 'uuid')),
    arch: textOf(cpu, 'arch') ?? '',
    ...optional('model', textOf(cpu, 'model')),
    ...optional('vendor', textOf(cpu, 'vendor')),
    features: findAll(cpu, 'feature').flatMap((feature) => attribute(feature, 'name') ?? []),
    cells: findAll(host, 'topology', 'cells', 'cell').map(cellOf),
    caches: findAll(host, 'cache', 'bank').map(bankOf),
    iommu: attribute(find(host, 'iommu'), 'support') === 'yes',
    guests: findAll(root, 'guest').map(guestOf),
  };
};
