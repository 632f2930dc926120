import { domainSpec } from '../../libvirt/domain/spec.js';
import { sizeUnits } from '../../measure/quantity.js';
import { cpuOf, disksOf, interfacesOf, memoryOf, tuneOf } from './domain-parts.js';
import type { KvmGuestOptions } from './fields.js';

export interface Impossibility {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Options by the place that they have in a domain, where the two differ. */
const places: Readonly<Record<string, string>> = {
  'memory.size': 'memory',
  'memory.hugepages': 'hugepages',
  'tune.cacheAllocations': 'cache',
};

const optionOf = (path: readonly PropertyKey[]): readonly PropertyKey[] => {
  const option = places[path.slice(0, 2).join('.')];
  return option === undefined ? path : [option, ...path.slice(2)];
};

const pageSizes = [2 * sizeUnits.MiB, sizeUnits.GiB];
/** With less, a kernel with its initrd and systemd does not come up. */
const leastMemory = 128 * sizeUnits.MiB;

function* unfit({ memory, hugepages }: KvmGuestOptions): Generator<Impossibility> {
  if (memory < leastMemory) yield { path: ['memory'], message: 'expected at least 128MiB' };
  if (hugepages !== undefined && !pageSizes.includes(hugepages))
    yield { path: ['hugepages'], message: 'expected 2MiB or 1GiB: x86-64 has no other huge pages' };
}

/** What can't be true of a guest, whatever its host: no topology of 3 cores for 4 vCPUs, no disk of an IOThread that is not there. */
export const impossibilities = (options: KvmGuestOptions): readonly Impossibility[] => {
  const unfitting = [...unfit(options)];
  if (unfitting.length > 0) return unfitting;
  const accelerator = options.accelerator === 'tcg' ? 'tcg' : 'kvm';
  const { error } = domainSpec.safeParse({
    name: 'guest',
    owner: { run: 'run', context: 'context' },
    accelerator,
    cpu: cpuOf(options, { accelerator }),
    memory: memoryOf(options, undefined),
    tune: tuneOf(options, undefined),
    disks: disksOf(options, '/guest'),
    interfaces: interfacesOf(options, () => '52:54:00:00:00:01'),
  });
  return (error?.issues ?? []).map(({ path, message }) => ({ path: optionOf(path), message }));
};
