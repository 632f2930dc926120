import type { CpuSpec, MemorySpec, TuneSpec } from './spec-compute.js';
import type { DiskSpec, InterfaceSpec } from './spec-devices.js';

export interface Contradiction {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Spec {
  readonly accelerator: 'kvm' | 'tcg';
  readonly cpu: CpuSpec;
  readonly memory: MemorySpec;
  readonly tune: TuneSpec;
  readonly disks: readonly DiskSpec[];
  readonly interfaces: readonly InterfaceSpec[];
}

const at = (path: readonly (string | number)[], message: string): Contradiction => ({ path, message });

const beyond = (ids: readonly number[], first: number, count: number): number | undefined =>
  ids.find((id) => id < first || id >= first + count);

function* cpuContradictions({ accelerator, cpu, memory }: Spec): Generator<Contradiction> {
  const { vcpus, topology, mode, model, cells } = cpu;
  if (topology !== undefined) {
    const product = topology.sockets * topology.dies * topology.cores * topology.threads;
    if (product !== vcpus)
      yield at(['cpu', 'topology'], `the topology has ${String(product)} vCPUs, the guest ${String(vcpus)}`);
  }
  if ((mode === 'custom') !== (model !== undefined))
    yield at(['cpu', 'model'], "a model goes with mode 'custom', and that with a model");
  if (accelerator === 'tcg' && (mode === 'host-passthrough' || mode === 'host-model'))
    yield at(['cpu', 'mode'], `'${mode}' needs KVM`);
  if (accelerator === 'tcg' && (cpu.hintDedicated || cpu.pollControl))
    yield at(['cpu', 'hintDedicated'], "KVM's hints need KVM");
  if (cells.length > 0) {
    const all = cells.flatMap((cell) => cell.cpus).sort((a, b) => a - b);
    if (all.length !== vcpus || all.some((cpu, index) => cpu !== index))
      yield at(['cpu', 'cells'], 'the cells must have each vCPU once');
    const size = cells.reduce((sum, cell) => sum + cell.memory, 0);
    if (size !== memory.size)
      yield at(['cpu', 'cells'], `the cells have ${String(size)} bytes of memory, the guest ${String(memory.size)}`);
  }
}

function* memoryContradictions({ memory, cpu, interfaces }: Spec): Generator<Contradiction> {
  const parts = cpu.cells.length === 0 ? [memory.size] : cpu.cells.map((cell) => cell.memory);
  const odd = parts.find((size) => size % 1024 !== 0);
  if (odd !== undefined)
    yield at(
      ['memory', 'size'],
      `memory comes in whole KiB, not ${String(odd)} bytes: GiB is a power of two, GB is not`,
    );
  const page = memory.hugepages;
  if (page !== undefined && parts.some((size) => size % page !== 0))
    yield at(['memory', 'hugepages'], `memory must be a multiple of the page size of ${String(page)} bytes`);
  const index = interfaces.findIndex(({ type }) => type === 'vhost-user');
  if (index >= 0 && !memory.shared) yield at(['interfaces', index], 'vhost-user needs shared memory');
}

function* tuneContradictions({ cpu: { vcpus }, tune, disks }: Spec): Generator<Contradiction> {
  const named: readonly (readonly [keyof TuneSpec, readonly number[]])[] = [
    ['vcpuPins', tune.vcpuPins.map(({ id }) => id)],
    ['vcpuSchedulers', tune.vcpuSchedulers.flatMap((one) => one.vcpus)],
    ['cacheAllocations', tune.cacheAllocations.flatMap((one) => one.vcpus)],
  ];
  for (const [key, ids] of named) {
    const wrong = beyond(ids, 0, vcpus);
    if (wrong !== undefined)
      yield at(['tune', key], `there is no vCPU ${String(wrong)}: the guest has 0 to ${String(vcpus - 1)}`);
    if (new Set(ids).size !== ids.length && key !== 'cacheAllocations')
      yield at(['tune', key], 'a vCPU is named twice');
  }
  const iothreads: readonly (readonly [readonly (string | number)[], readonly number[]])[] = [
    [['tune', 'iothreadPins'], tune.iothreadPins.map(({ id }) => id)],
    [['tune', 'iothreadSchedulers'], tune.iothreadSchedulers.flatMap((one) => one.iothreads)],
    ...disks.map(
      ({ iothread }, index) => [['disks', index, 'iothread'], iothread === undefined ? [] : [iothread]] as const,
    ),
  ];
  for (const [path, ids] of iothreads) {
    const wrong = beyond(ids, 1, tune.iothreads);
    if (wrong !== undefined)
      yield at(path, `there is no IOThread ${String(wrong)}: the guest has ${String(tune.iothreads)}`);
  }
  for (const [index, { policy, priority }] of tune.vcpuSchedulers.entries())
    if ((policy === 'fifo' || policy === 'rr') !== (priority !== undefined))
      yield at(['tune', 'vcpuSchedulers', index, 'priority'], `a priority goes with fifo and rr, not with ${policy}`);
}

function* deviceContradictions({ disks, interfaces }: Spec): Generator<Contradiction> {
  const slots = interfaces.flatMap((one) => (one.type === 'user' && one.backend === 'qemu' ? [one.slot] : []));
  if (new Set(slots).size !== slots.length) yield at(['interfaces'], 'two user networks have the same PCI slot');
  const serials = disks.flatMap(({ serial }) => serial ?? []);
  if (new Set(serials).size !== serials.length) yield at(['disks'], 'two disks have the same serial');
  for (const [index, { bus, iothread }] of disks.entries())
    if (iothread !== undefined && bus !== undefined && bus !== 'virtio')
      yield at(['disks', index, 'iothread'], 'only virtio disks have IOThreads');
}

/** What in a domain can't be true at the same time. */
export const contradictions = (spec: Spec): readonly Contradiction[] => [
  ...cpuContradictions(spec),
  ...memoryContradictions(spec),
  ...tuneContradictions(spec),
  ...deviceContradictions(spec),
];
