import type { DomainOptions } from '../../libvirt/domain/spec.js';
import type { KvmGuestOptions } from './fields.js';
import type { GuestPlacement } from './placement.js';

type Tune = NonNullable<DomainOptions['tune']>;
type Disk = NonNullable<DomainOptions['disks']>[number];
type Interface = NonNullable<DomainOptions['interfaces']>[number];

export const memoryOf = (
  { memory, hugepages, profile, shared_memory: shared }: KvmGuestOptions,
  placement: GuestPlacement | undefined,
): DomainOptions['memory'] => ({
  size: memory,
  shared,
  locked: profile === 'realtime',
  sharePages: profile !== 'realtime',
  // Taken at the start and not when first touched: too few of them is an error then, not a SIGBUS while measuring.
  ...(hugepages === undefined ? {} : { hugepages, allocation: 'immediate' as const }),
  ...(placement === undefined || placement.nodes.length === 0
    ? {}
    : { numa: { mode: 'strict', nodes: [...placement.nodes] } }),
});

export const tuneOf = (
  { profile, vcpus, iothreads, cache }: KvmGuestOptions,
  placement: GuestPlacement | undefined,
): Tune => {
  const every = Array.from({ length: vcpus }, (_, id) => id);
  return {
    iothreads: iothreads.length,
    cacheAllocations: cache.map((one) => ({ ...one, vcpus: one.vcpus ?? every })),
    ...(placement === undefined
      ? {}
      : {
          vcpuPins: placement.vcpus.map((cpus, id) => ({ id, cpus: [...cpus] })),
          emulatorPin: [...placement.housekeeping],
          iothreadPins: placement.iothreads.map((cpus, index) => ({ id: index + 1, cpus: [...cpus] })),
          ...(profile === 'realtime' ? { vcpuSchedulers: [{ policy: 'fifo', priority: 1, vcpus: every }] } : {}),
        }),
  };
};

/** `invariantTsc`: its host's TSC never stops, and the guest may know. */
export const cpuOf = (
  { vcpus, profile, cpu: { model, features, topology } }: KvmGuestOptions,
  { accelerator, invariantTsc = false }: { readonly accelerator: 'kvm' | 'tcg'; readonly invariantTsc?: boolean },
): DomainOptions['cpu'] => ({
  vcpus,
  topology: topology ?? { sockets: 1, cores: vcpus, threads: 1 },
  ...(model === undefined ? {} : { mode: 'custom', model }),
  features: {
    ...(accelerator === 'kvm' ? { 'tsc-deadline': 'require' } : {}),
    ...(invariantTsc ? { invtsc: 'require' } : {}),
    ...features,
  },
  ...(accelerator === 'kvm' && profile === 'realtime' ? { hintDedicated: true, pollControl: true } : {}),
});

/** Where the empty disk with this place in the options is. */
export const emptyDisk = (directory: string, index: number): string => `${directory}/disk-${String(index + 1)}.raw`;

export const disksOf = ({ disks }: KvmGuestOptions, directory: string): Disk[] =>
  disks.map(({ cache, io, queues, iothread, serial, ...file }, index) => ({
    ...('size' in file
      ? { path: emptyDisk(directory, index), format: 'raw' }
      : {
          path: file.path,
          format: file.format,
          readOnly: file.read_only,
          // Its header was looked into, and names none; who changes it after that gains nothing.
          ...(file.format === 'qcow2' ? { backing: 'none' as const } : {}),
        }),
    cache,
    io,
    queues,
    iothread,
    serial,
  }));

export const interfacesOf = ({ interfaces }: KvmGuestOptions, macOf: (index: number) => string): Interface[] =>
  interfaces.map(({ mac, rx_queue_size: rxQueueSize, tx_queue_size: txQueueSize, ...kind }, index) => ({
    ...kind,
    mac: mac ?? macOf(index),
    rxQueueSize,
    txQueueSize,
  }));
