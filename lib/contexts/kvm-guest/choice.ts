import { Kvm4nfvError } from '../../error.js';
import { resolveCpus, resolveCpusInOrder } from '../../host/cpu-list.js';
import type { HostFacts } from '../../host/facts.js';
import type { Host } from '../../host/host.js';
import type { Hypervisor } from '../../libvirt/hypervisor.js';
import { probeKvm } from '../../libvirt/kvm-probe.js';
import { placementHostOf, type PlacementHost } from '../../libvirt/placement-host.js';
import { lacksMemory } from '../../libvirt/placement-nodes.js';
import { explainPlacement } from '../../libvirt/placement-words.js';
import { place, type PlacementWish } from '../../libvirt/placement.js';
import type { KvmGuestOptions } from './fields.js';
import { placeIoThreads, type GuestPlacement } from './placement.js';
import { freePages } from './pages.js';
import { takenBy, takenCpus, tryTake, type PageRequest } from './resources.js';

/** KVM where a guest really runs with it, TCG where that is allowed to stand in. */
export const chooseAccelerator = async (
  host: Host,
  wanted: KvmGuestOptions['accelerator'],
  signal: AbortSignal,
): Promise<'kvm' | 'tcg'> => {
  if (wanted === 'tcg') return 'tcg';
  const { works, reason } = await probeKvm(host, { signal });
  if (works) return 'kvm';
  if (wanted === 'auto') return 'tcg';
  throw new Kvm4nfvError('E_NO_KVM', `${host.name} can't run guests with KVM: ${reason}`, {
    hint: "enable virtualisation and load kvm_intel or kvm_amd, or set 'accelerator: auto'",
  });
};

/** Whether a realtime guest can be promised a TSC that never stops: its clock is then read without asking KVM. */
export const hasInvariantTsc = async (
  hypervisor: Hypervisor,
  { profile }: KvmGuestOptions,
  accelerator: 'kvm' | 'tcg',
  signal: AbortSignal,
): Promise<boolean> => {
  if (accelerator === 'tcg' || profile !== 'realtime') return false;
  const { hostModel } = await hypervisor.domainCapabilities({ type: 'kvm', machine: 'q35' }, { signal });
  return hostModel?.features['invtsc'] === 'require';
};

/** The profile pins, and who says where one part of the guest runs has all of it placed. */
const isPlaced = ({ profile, cpus, emulator_cpus, iothreads, node }: KvmGuestOptions): boolean =>
  profile === 'realtime' ||
  [cpus, emulator_cpus, node, ...iothreads.map((one) => one.cpus)].some((given) => given !== undefined);

const wishOf = (
  { topology }: HostFacts,
  { profile, cpus, emulator_cpus, node, vcpus, memory, hugepages }: KvmGuestOptions,
  taken: readonly number[],
): PlacementWish => ({
  vcpus,
  profile,
  memory,
  // Who has a CPU that the user chose is told by its lease.
  ...(cpus === undefined ? { taken } : { pins: resolveCpusInOrder(cpus, topology) }),
  ...(emulator_cpus === undefined ? {} : { housekeeping: resolveCpus(emulator_cpus, topology) }),
  ...(node === undefined ? {} : { node }),
  ...(hugepages === undefined ? {} : { hugepages }),
});

/** Where no node has the pages, or the user named it, the lease says how many there are. */
const askedOf = ({ nodes }: PlacementHost, wish: PlacementWish): PlacementWish => {
  const { hugepages, ...rest } = wish;
  const told = hugepages !== undefined && (wish.node !== undefined || nodes.every((node) => lacksMemory(node, wish)));
  return told ? rest : wish;
};

/** Pinned where the profile or the user asks for it; else the kernel of the host schedules the guest. */
const choosePlacement = async (
  host: Host,
  facts: HostFacts,
  options: KvmGuestOptions,
): Promise<GuestPlacement | undefined> => {
  if (!isPlaced(options)) return undefined;
  const [taken, pages] = await Promise.all([
    takenCpus(host),
    options.hugepages === undefined ? undefined : freePages(host, options.hugepages),
  ]);
  const known = placementHostOf(facts);
  const nodes = known.nodes.map((node) => {
    const free = pages?.get(node.id);
    return free === undefined ? node : { ...node, pages: free };
  });
  const on = { ...known, nodes };
  const wish = askedOf(on, wishOf(facts, options, taken));
  const placement = place(on, wish);
  const explanation = explainPlacement(on, wish, placement);
  return { ...placeIoThreads(on, facts.topology, options, placement), explanation };
};

const pagesOf = (
  { hugepages: size, memory }: KvmGuestOptions,
  placement: GuestPlacement | undefined,
): PageRequest | undefined => {
  if (size === undefined) return undefined;
  const [node, ...others] = placement?.nodes ?? [];
  return { size, node: others.length > 0 ? undefined : node, count: Math.ceil(memory / size) };
};

const cpusOf = ({ profile, cpus }: KvmGuestOptions, placement: GuestPlacement | undefined): string[] =>
  profile === 'realtime' || cpus !== undefined
    ? (placement?.vcpus ?? []).flat().map((cpu) => `cpu-${String(cpu)}`)
    : [];

/** Another run may be faster to lease what was just chosen. */
const tries = 5;

/** Of huge pages the lease tells how many there are. */
const checkMemory = (host: Host, { memory: has }: HostFacts, { memory, hugepages }: KvmGuestOptions): void => {
  if (has === undefined || hugepages !== undefined || memory <= has) return;
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new Kvm4nfvError(
    'E_MEMORY',
    `${host.name} has ${gibibytes(has)} of memory, and the guest is to have ${gibibytes(memory)}`,
    { hint: 'give the guest less (memory)' },
  );
};

/** Chooses where a guest runs among what no other run has, and leases it. */
export const placeAndTake = async (
  host: Host,
  facts: HostFacts,
  options: KvmGuestOptions,
  owner: { readonly run: string; readonly context: string },
): Promise<GuestPlacement | undefined> => {
  checkMemory(host, facts, options);
  for (let tried = 1; ; tried += 1) {
    const placement = await choosePlacement(host, facts, options);
    const cpus = cpusOf(options, placement);
    const pages = pagesOf(options, placement);
    if (cpus.length === 0 && pages === undefined) return placement;
    const taking = await tryTake(host, owner, cpus, pages);
    if (taking.taken) return placement;
    if (options.cpus !== undefined || tried >= tries) throw await takenBy(host, taking);
  }
};
